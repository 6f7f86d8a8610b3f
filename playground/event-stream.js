// Server-sent events out of a fetched body: the data of each event, as it comes.

/**
 * Comments and other fields are left out; an event is at most what the server sends in one.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<string, void, undefined>}
 */
export async function* dataOf(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let pending = '';
  for (;;) {
    const { done, value } = await reader.read();
    pending += decoder.decode(value, { stream: !done });
    const events = pending.split('\n\n');
    // What follows the last blank line is the beginning of the next event.
    pending = events.pop() ?? '';
    for (const event of events) {
      for (const line of event.split('\n')) {
        if (line.startsWith('data: ')) yield line.slice('data: '.length);
      }
    }
    if (done) return;
  }
}
