// Long multiplication as iCoT trains it (Deng et al., arXiv 2405.14838): digits reversed and apart, the chain
// one partial product a step with the running sum in parentheses. Reader and generator of the same lines.
import type { Random } from '../../random.ts';
import { type Malformed, type Records, readTextLines } from './dataset-file.ts';
import type { Example } from './example.ts';

const digits = String.raw`\d(?: \d)*`;
const linePattern = new RegExp(
  String.raw`^(?<question>${digits} \* ${digits})\|\|(?<chain>[^#|]*) #### (?<answer>${digits})$`,
);
const questionPattern = new RegExp(String.raw`^(${digits}) \* (${digits})$`);

/** Checks every line's arithmetic: a line is what the operands make of it, to the character. */
export function readMultiplication(file: string, malformed: Malformed): Records<Example> {
  return readTextLines(file, malformed, parseLine);
}

export function parseLine(line: string): Example {
  const question = linePattern.exec(line)?.groups?.['question'];
  if (question === undefined) throw new Error('line is not "a * b||partial products #### product"');
  const [, a, b] = questionPattern.exec(question)!.map((text) => text.replaceAll(' ', ''));
  const example = multiplication(a!, b!);
  const expected = toLine(example);
  if (line !== expected) throw new Error(`${question} makes "${expected}"`);
  return example;
}

/** The published text form of an example. */
export const toLine = ({ question, steps, answer }: Example): string =>
  `${question}||${steps.join(' + ')} #### ${answer}`;

/**
 * Two factors of `size` digits, none starting with 0.
 * @param withZeros chance that the example has zeros: each of its other digits is one with a chance drawn evenly from
 * [0, 1) for the example, so that the product's middle digits, sums of `size` terms, are seen as sums of fewer too
 */
export function drawMultiplication(random: Random, size: number, withZeros = 0): Example {
  const zeros = withZeros > 0 && random.uniform() < withZeros ? random.uniform() : 0;
  const digit = (): number => (zeros > 0 && random.uniform() < zeros ? 0 : random.int(10));
  const factor = (): string => {
    const text = Array.from({ length: size }, (_, i) =>
      i === size - 1 ? 1 + random.int(9) : digit(),
    );
    return text.join('');
  };
  return multiplication(factor(), factor());
}

/**
 * @param a first factor, least significant digit first
 * @param b second factor, the same way
 */
function multiplication(a: string, b: string): Example {
  const first = integerOf(a);
  const steps: string[] = [];
  let sum = 0n;
  [...b].forEach((digit, place) => {
    const partial = first * BigInt(digit);
    // A partial product has one digit more than the factor, and as many leading zeros as its place.
    const written = '0'.repeat(place) + reversed(partial, a.length + 1);
    sum += partial * 10n ** BigInt(place);
    const isInner = place > 0 && place < b.length - 1;
    const running = isInner ? ` ( ${apart(reversed(sum, a.length + 1 + place))} )` : '';
    steps.push(`${apart(written)}${running}`);
  });
  return {
    question: `${apart(a)} * ${apart(b)}`,
    steps,
    answer: apart(reversed(sum, a.length + b.length)),
  };
}

const integerOf = (text: string): bigint => BigInt([...text].reverse().join(''));

const reversed = (value: bigint, width: number): string =>
  [...value.toString().padStart(width, '0')].reverse().join('');

const apart = (text: string): string => [...text].join(' ');

/** Pre-tokens, with weights roughly as often as they occur. */
export function multiplicationWordCounts(): Map<string, number> {
  const counts = new Map<string, number>([
    [' *', 1],
    [' (', 2],
    [' )', 2],
    ['\n', 5],
    ['###', 1],
  ]);
  for (let digit = 0; digit < 10; digit++) counts.set(` ${digit}`, 6).set(`${digit}`, 1);
  return counts;
}
