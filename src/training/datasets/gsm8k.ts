// GSM8k (Cobbe et al. 2021, arXiv 2110.14168): the published jsonl, whose calculator annotations become the reasoning
// steps, and the text form of GSM8k-Aug (Deng et al., arXiv 2405.14838), `question||steps #### answer`.
import { z } from 'zod';
import { answerOf } from './answer.ts';
import { type Malformed, type Records, readTextLines } from './dataset-file.ts';
import type { Example } from './example.ts';

const recordSchema = z.object({ question: z.string().min(1), answer: z.string() });

/** By the file's name: .jsonl is the published form, anything else GSM8k-Aug's text. */
export function readGsm8k(file: string, malformed: Malformed): Records<Example> {
  return readTextLines(file, malformed, file.endsWith('.jsonl') ? parseJsonLine : parseTextLine);
}

/** 95 of the 7,473 published training chains have no annotation, and so no steps. */
export function parseJsonLine(line: string): Example {
  const { question, answer } = recordSchema.parse(JSON.parse(line));
  const [chain, result, ...more] = answer.split('####');
  if (result === undefined || more.length > 0)
    throw new Error(`answer has ${answer.split('####').length - 1} "####", not one`);
  return {
    question: question.trim(),
    steps: chain!.match(/<<[^<>]*>>/g) ?? [],
    answer: numberOf(result),
  };
}

export function parseTextLine(line: string): Example {
  const [question, rest, ...more] = line.split('||');
  if (rest === undefined || more.length > 0)
    throw new Error(`line has ${line.split('||').length - 1} "||", not one`);
  const [chain, result, ...others] = rest.split('####');
  if (result === undefined || others.length > 0)
    throw new Error(`line has ${rest.split('####').length - 1} "####", not one`);
  const steps = chain!.split(' ').filter((step) => step !== '');
  const odd = steps.find((step) => !/^<<.*>>$/.test(step));
  if (odd !== undefined) throw new Error(`step "${odd}" is not written <<…>>`);
  return { question: question!.trim(), steps, answer: numberOf(result) };
}

/** The number after the last "### ", without thousands separators, must be the answer. */
export function isCorrectNumber(example: Example, generatedText: string): boolean {
  return withoutCommas(answerOf(generatedText)) === example.answer;
}

const withoutCommas = (text: string): string => text.replaceAll(',', '').trim();

function numberOf(text: string): string {
  const number = withoutCommas(text);
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(number))
    throw new Error(`answer "${text.trim()}" is no number`);
  return number;
}
