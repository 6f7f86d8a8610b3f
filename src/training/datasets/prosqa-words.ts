// The words of ProsQA: the published names and concepts, the sentences they stand in, and the word forms that a
// tokenizer must hold whole. Source: data/prosqa_*.json of facebookresearch/coconut (MIT).

// biome-ignore format: a word list reads best in lines
export const NAMES = [
  'Alex', 'Bob', 'Carol', 'Davis', 'Eva', 'Fae', 'Gabriel', 'Jack', 'Max', 'Oliver', 'Polly', 'Rex', 'Sally', 'Sam',
  'Stella', 'Tom', 'Wren',
] as const;

// biome-ignore format: a word list reads best in lines
export const CONCEPTS = [
  'bompus', 'boompus', 'brimpus', 'chorpus', 'dumpus', 'felpus', 'fompus', 'gerpus', 'gorpus', 'grimpus', 'gwompus',
  'hilpus', 'impus', 'jelpus', 'jompus', 'kerpus', 'lempus', 'lorpus', 'numpus', 'quimpus', 'rempus', 'rompus',
  'rorpus', 'scrompus', 'shumpus', 'sterpus', 'storpus', 'terpus', 'timpus', 'tumpus', 'vumpus', 'worpus', 'wumpus',
  'yerpus', 'yimpus', 'yumpus', 'zhorpus', 'zumpus',
] as const;

const nameSet: ReadonlySet<string> = new Set(NAMES);

/** "Tom is a lempus." or "Every lempus is a rompus."; always "a", as published. */
export function factSentence(subject: string, concept: string): string {
  return nameSet.has(subject)
    ? answerSentence(subject, concept)
    : `Every ${subject} is a ${concept}.`;
}

export function answerSentence(name: string, concept: string): string {
  return `${name} is a ${concept}.`;
}

const factPattern = /^(?:Every )?(?<subject>\w+) is a (?<concept>\w+)\.$/;

/** What a fact, or a reasoning step, is about; null for another sentence. */
export function parseFact(sentence: string): { subject: string; concept: string } | null {
  const { subject, concept } = factPattern.exec(sentence)?.groups ?? {};
  return subject === undefined || concept === undefined ? null : { subject, concept };
}

/** The end of every question, with the space that parts it from the facts. */
export function querySentence(name: string, options: readonly [string, string]): string {
  return ` Is ${name} a ${options[0]} or ${options[1]}?`;
}

/** Pre-tokens of ProsQA text, questions and answers, with weights roughly as often as they occur. */
export function prosqaWordCounts(): Map<string, number> {
  const counts = new Map<string, number>([
    [' is', 40],
    [' a', 40],
    ['.', 40],
    [' Every', 35],
    ['Every', 4],
    ['\n', 5],
    ['?', 1],
    [' or', 1],
    [' Is', 1],
    ['Is', 1],
    ['###', 1],
  ]);
  for (const concept of CONCEPTS) counts.set(` ${concept}`, 2);
  for (const name of NAMES) counts.set(name, 1).set(` ${name}`, 1);
  return counts;
}
