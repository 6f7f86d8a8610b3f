// THE table of fillers: what stands between question and answer in place of the reasoning steps that are gone.
// Staging, unrolling, prompts and initialisation all read it.

export const fillerNames = ['none', 'thought', 'pause', 'zero', 'pause-pass'] as const;

export type FillerName = (typeof fillerNames)[number];

export type FillerRow = {
  /** Whether it stands between <bot> and <eot>. */
  isMarked: boolean;
  /** What is fed at each of its positions: the state at the position before (a thought), zeros or <pause>. */
  slot: 'state' | 'zero' | 'pause' | null;
  /** Whether training computes each position in a pass of its own, as a thought needs it; if not, with the question. */
  ownPasses: boolean;
};

export const fillers: Readonly<Record<FillerName, FillerRow>> = {
  none: { isMarked: false, slot: null, ownPasses: false },
  thought: { isMarked: true, slot: 'state', ownPasses: true },
  pause: { isMarked: false, slot: 'pause', ownPasses: false },
  zero: { isMarked: true, slot: 'zero', ownPasses: true },
  'pause-pass': { isMarked: true, slot: 'pause', ownPasses: true },
};
