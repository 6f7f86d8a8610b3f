// What the model returns for a row of a batch: as the sequence wants it (Sequence.wants), as the runner reads it out.

/** The state [D] or the logits [V] at the row's last input. */
type LastOutput =
  | { kind: 'nothing' }
  | ({ kind: 'hidden' } & Thought)
  /** The states at all the inputs, whose keys and values are forgotten. */
  | { kind: 'swept'; states: readonly Float32Array[] }
  /** Both: for a trace. */
  | ({ kind: 'traced'; logits: Float32Array } & Thought)
  | { kind: 'logits'; logits: Float32Array };

/** `stop`: the probability that it is the last one, where the checkpoint has a head for it. */
type Thought = { hidden: Float32Array; stop?: number };

/** `scored`: the logits [S, V] at the first S inputs as well, where those score the prompt (Sequence.scored). */
export type RowOutput = LastOutput & { scored?: Float32Array };

export type ThoughtOutput = Extract<RowOutput, { kind: 'hidden' | 'traced' }>;
