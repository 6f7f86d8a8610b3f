// The words of ProntoQA's fictional ontologies: concepts, names, properties by family, and their forms as tokens.
// Source: data/prontoqa_*.json of facebookresearch/coconut, made by asaparov/prontoqa (Apache 2.0).

// biome-ignore format: a word list reads best in lines
export const PRONTO_CONCEPTS = [
  'brimpus', 'dumpus', 'gorpus', 'grimpus', 'impus', 'jompus', 'lempus', 'lorpus', 'numpus', 'rompus', 'shumpus',
  'sterpus', 'tumpus', 'vumpus', 'wumpus', 'yumpus', 'zumpus',
] as const;

export const PRONTO_NAMES = [
  'Alex',
  'Fae',
  'Max',
  'Polly',
  'Rex',
  'Sally',
  'Sam',
  'Stella',
  'Wren',
] as const;

/** A concept has one property of a family, or its negation. */
export const PROPERTY_FAMILIES: readonly (readonly string[])[] = [
  ['blue', 'red', 'brown', 'orange'],
  ['small', 'large'],
  ['metallic', 'wooden', 'luminous', 'liquid'],
  ['transparent', 'opaque'],
  ['nervous', 'happy', 'feisty', 'shy'],
  ['bright', 'dull'],
  ['sweet', 'sour', 'spicy', 'bitter'],
  ['floral', 'fruity', 'earthy'],
  ['hot', 'cold', 'temperate'],
  ['kind', 'mean', 'angry', 'amenable', 'aggressive'],
  ['melodic', 'muffled', 'discordant', 'loud'],
  ['slow', 'moderate', 'fast'],
  ['windy', 'sunny', 'overcast', 'rainy', 'snowy'],
];

export const withArticle = (concept: string): string =>
  `${concept.startsWith('i') ? 'an' : 'a'} ${concept}`;

const capital = (word: string): string => `${word[0]!.toUpperCase()}${word.slice(1)}`;

/** "Brimpuses", which opens a sentence. */
export const openingPlural = (concept: string): string => `${capital(concept)}es`;

/** The forms of each entity, as pre-tokens. */
export function prontoqaEntities(): string[][] {
  return [
    ...PRONTO_NAMES.map((name) => [name, ` ${name}`]),
    ...PRONTO_CONCEPTS.map((concept) => [
      ` ${concept}`,
      ` ${concept}es`,
      openingPlural(concept),
      ` ${openingPlural(concept)}`,
    ]),
    ...PROPERTY_FAMILIES.flat().map((property) => [` ${property}`]),
  ];
}

/** Pre-tokens with weights roughly as often as they occur. */
export function prontoqaWordCounts(): Map<string, number> {
  const counts = new Map<string, number>([
    [' is', 20],
    [' are', 14],
    [' a', 12],
    [' an', 1],
    [' not', 4],
    [' Each', 6],
    ['Each', 1],
    [' Every', 6],
    ['Every', 1],
    ['.', 30],
    [' True', 1],
    ['True', 1],
    [' False', 1],
    [' or', 1],
    [' false', 1],
    [':', 1],
    ['\n', 7],
    ['###', 1],
  ]);
  for (const form of prontoqaEntities().flat()) counts.set(form, 1);
  return counts;
}
