// Epochs over a fixed list: each goes once through all of it, in an order that follows from seed and epoch alone.
import { Random } from '../../random.ts';

/** Elements `first` to `first + count` of the endless series of epochs. */
export function takeInEpochs<T>(
  list: readonly T[],
  seed: number,
  first: number,
  count: number,
): T[] {
  const taken: T[] = [];
  for (let at = first; taken.length < count; ) {
    const epoch = Math.floor(at / list.length);
    const order = new Random(seed * 1_000_003 + epoch).shuffle(list.map((_, index) => index));
    const within = at - epoch * list.length;
    const indices = order.slice(within, within + count - taken.length);
    taken.push(...indices.map((index) => list[index]!));
    at += indices.length;
  }
  return taken;
}
