// Several event streams as one, in order of arrival; each keeps its own order.

/** [index of the source, value]. A source that fails ends all of them; so does a reader that leaves. */
export async function* mergeAll<T>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<[number, T], void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const advance = async (index: number) => ({ index, result: await iterators[index]?.next() });
  const start = (index: number) => {
    const step = advance(index);
    // It may fail while the reader is elsewhere, and is heard when he comes back; unheard till then it would end the process.
    step.catch(() => {});
    return step;
  };
  const pending = new Map(iterators.map((_, index) => [index, start(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (!result || result.done) {
        pending.delete(index);
        continue;
      }
      pending.set(index, start(index));
      yield [index, result.value];
    }
  } finally {
    // Those still running end with their answers' abort; nobody is left to hear how.
    for (const iterator of iterators) iterator.return?.().catch(() => {});
  }
}
