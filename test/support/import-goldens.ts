// Where test/golden/make_import_goldens.py left the directories that an import starts from.
import { fileURLToPath } from 'node:url';

export const importGoldens = ['gpt2', 'gpt2-untied', 'coconut', 'llama3', 'llama'] as const;
export type ImportGolden = (typeof importGoldens)[number];

export function goldenDirectory(name: ImportGolden): string {
  return fileURLToPath(new URL(`../golden/import/${name}`, import.meta.url));
}
