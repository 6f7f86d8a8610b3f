// Where a generated text's answer stands: after its last "### ".
import { ANSWER_MARKER } from '../curriculum.ts';
import type { Example } from './example.ts';

/** The text after the last "### ", or all of it, trimmed. */
export function answerOf(text: string): string {
  const markerAt = text.lastIndexOf(ANSWER_MARKER);
  return (markerAt < 0 ? text : text.slice(markerAt + ANSWER_MARKER.length)).trim();
}

/** Right where the answer is the example's to the letter. */
export function isCorrect(example: Example, generatedText: string): boolean {
  return answerOf(generatedText) === example.answer;
}
