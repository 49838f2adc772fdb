/**
 * The cells of two notebooks that are not the same, in the order in which one reads them: no DOM.
 */
import { ICellSource, ICode } from '../run/wire';
import { ICellChange } from './wire';

/** A cell with its sources; null where it is not there. */
export interface ICellPair {
  readonly what: 'added' | 'removed' | 'changed' | 'moved';
  readonly isCode: boolean;
  readonly a: number | null;
  readonly b: number | null;
  readonly before: string | null;
  readonly after: string | null;
}

/** The changes of sources, beside each other what stands there; null where no two notebooks were kept. */
export function cellPairs(
  changes: readonly ICellChange[],
  before: ICode,
  after: ICode
): readonly ICellPair[] | null {
  if (before.cells === null || after.cells === null) {
    return null;
  }
  const [old, now] = [before.cells, after.cells];
  return changes
    .flatMap(({ what, type, a, b }) =>
      what === 'outputs'
        ? []
        : [
            {
              what,
              isCode: type === 'code',
              a,
              b,
              before: sourceAt(old, a),
              after: sourceAt(now, b)
            }
          ]
    )
    .sort((one, other) => place(one) - place(other));
}

/** How many cells of the second are as they were. */
export function unchanged(pairs: readonly ICellPair[], after: ICode): number {
  return (after.cells?.length ?? 0) - pairs.filter(({ b }) => b !== null).length;
}

function sourceAt(cells: readonly ICellSource[], place: number | null): string | null {
  return place === null ? null : (cells[place - 1]?.source ?? '');
}

/** What went stands before what came in its place. */
function place({ a, b }: ICellPair): number {
  return b ?? (a ?? 0) - 0.5;
}
