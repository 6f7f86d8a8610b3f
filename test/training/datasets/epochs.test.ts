// Each epoch is a permutation, whatever pieces it is taken in.
import { expect, it } from 'vitest';
import { takeInEpochs } from '../../../src/training/datasets/epochs.ts';

it('goes once through the list in every epoch, in pieces as in one', () => {
  const list = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const all = takeInEpochs(list, 3, 0, 21);
  const whole = [...all];
  for (const epoch of [0, 1, 2]) expect(all.slice(7 * epoch, 7 * epoch + 7).sort()).toEqual(list);
  expect(whole).toEqual(
    [0, 5, 10, 15].flatMap((first) => takeInEpochs(list, 3, first, first === 15 ? 6 : 5)),
  );
  expect(takeInEpochs(list, 4, 0, 21)).not.toEqual(takeInEpochs(list, 3, 0, 21));
});
