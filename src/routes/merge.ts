// Several event streams as one, in order of arrival; each keeps its own order.

/** [index of the source, value]. A source that fails ends all of them; so does a reader that leaves. */
export async function* mergeAll<T>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<[number, T], void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const advance = async (index: number) => ({ index, result: await iterators[index]?.next() });
  const pending = new Map(iterators.map((_, index) => [index, advance(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (!result || result.done) {
        pending.delete(index);
        continue;
      }
      pending.set(index, advance(index));
      yield [index, result.value];
    }
  } finally {
    // Those still running end with their answers' abort; nobody is left to hear how.
    for (const [, step] of pending) step.catch(() => {});
    for (const iterator of iterators) iterator.return?.().catch(() => {});
  }
}
