// How a model of the Hugging Face hub is named. Apart from hub.ts, which loads the hub's client.

/** `id` is owner/name; `revision` a branch, a tag or a commit. */
export type HubName = { id: string; revision: string };

/** owner/name or owner/name@revision; null for anything else. */
export function parseHubName(text: string): HubName | null {
  const part = '[\\w][\\w.-]*';
  const match = new RegExp(`^(${part}/${part})(?:@([\\w][\\w./-]*))?$`).exec(text);
  return match && !text.includes('..') ? { id: match[1]!, revision: match[2] ?? 'main' } : null;
}
