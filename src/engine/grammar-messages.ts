// Every type that crosses the border between the engine's thread and the grammar thread. No behaviour.

/** Passed to the grammar thread as workerData. */
export type GrammarVocabulary = {
  /** Each token in the byte alphabet of a byte-level vocabulary; '' for what is never text. */
  spellings: readonly string[];
  /** V: ids from the last spelling on are padding. */
  size: number;
  /** Each of them ends an answer. */
  eosIds: readonly number[];
};

/** Each is answered by one reply, in order; but a `close` by none. */
export type ToGrammar =
  | { kind: 'compile'; grammar: string }
  /** Begins a place in the grammar, after what is already accepted. */
  | { kind: 'open'; id: number; grammar: string; accepted: readonly number[] }
  | { kind: 'accept'; id: number; tokenId: number }
  | { kind: 'close'; id: number };

export type FromGrammar =
  /** Once, before all replies. */
  | { kind: 'ready' }
  | { kind: 'compiled' }
  /** What may come next: bit i % 32 of word i / 32 is set where token i may. */
  | { kind: 'mask'; mask: Int32Array }
  /** The grammar is no grammar, or a token was none that it allows. */
  | { kind: 'problem'; message: string };
