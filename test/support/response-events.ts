// The named events of a streamed response, read back.
import { expect } from 'vitest';

export type ResponseEvent = { type: string; sequence_number: number; [key: string]: unknown };

/** Every block of the stream; fails where a name is not its data's type. */
export async function responseEventsOf(response: Response): Promise<ResponseEvent[]> {
  const blocks = (await response.text()).trim().split('\n\n');
  return blocks.map((block) => {
    const [name, data] = block.split('\n') as [string, string];
    const event = JSON.parse(data.slice('data: '.length)) as ResponseEvent;
    expect(name).toBe(`event: ${event.type}`);
    return event;
  });
}
