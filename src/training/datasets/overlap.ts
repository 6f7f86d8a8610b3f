// Keeps what a model is measured on out of what it is trained on.
import type { Example } from './example.ts';

/** Same for two questions that differ in case, punctuation or white space only. */
export function normalizedQuestion(question: string): string {
  return question
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}+*/%$=<>-]+/gu, ' ')
    .trim();
}

/** What validation holds, in that form. */
export function heldQuestions(validation: readonly Example[]): Set<string> {
  return new Set(validation.map(({ question }) => normalizedQuestion(question)));
}

export type Overlap = 'refuse' | 'remove';

/**
 * Training examples whose question is none of the validation's.
 *
 * @param overlap what to do where some are: refuse throws and counts them, remove leaves them out
 */
export function withoutOverlap(
  file: string,
  training: readonly Example[],
  validation: readonly Example[],
  overlap: Overlap,
): Example[] {
  const held = heldQuestions(validation);
  const kept = training.filter(({ question }) => !held.has(normalizedQuestion(question)));
  const shared = training.length - kept.length;
  if (shared > 0 && overlap === 'refuse')
    throw new Error(
      `${file}: ${shared} of ${training.length} training questions are validation questions too; set data.overlap to "remove" to train without them`,
    );
  if (kept.length === 0)
    throw new Error(`${file}: all ${training.length} training questions are validation questions`);
  return kept;
}
