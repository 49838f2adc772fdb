/**
 * States and differences of data in words: no DOM.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { DataState, IPathDifference } from './api';

const SHOWN = 20;

/** The letter that stands for a state where there is room for one. */
export const MARKS: Record<DataState, string> = {
  unchanged: '✓',
  modified: 'M',
  missing: '!',
  'not-in-store': '?',
  partial: '◐'
};

/** The state in the words of the reader's language. */
export function stateText(state: DataState, trans: TranslationBundle): string {
  switch (state) {
    case 'unchanged':
      return trans.__('unchanged');
    case 'modified':
      return trans.__('modified');
    case 'missing':
      return trans.__('missing');
    case 'not-in-store':
      return trans.__('not in the store');
    case 'partial':
      return trans.__('parts are here');
  }
}

/** A difference in lines: the first files of each kind, and of tables how many rows. */
export function differenceText(
  found: readonly IPathDifference[],
  trans: TranslationBundle
): string {
  const lines = found.flatMap(one => [
    ...files('+', one, 'added'),
    ...files('−', one, 'removed'),
    ...files('~', one, 'modified'),
    ...files('→', one, 'renamed'),
    ...one.tables.map(table =>
      trans.__(
        '%1 rows: +%2 −%3 ~%4',
        nameOf(one, table.path),
        table.added,
        table.removed,
        table.changed
      )
    )
  ]);
  return lines.join('\n') || trans.__('no difference');
}

function files(
  sign: string,
  one: IPathDifference,
  kind: 'added' | 'removed' | 'modified' | 'renamed'
): string[] {
  const all = one[kind];
  const shown = all.slice(0, SHOWN).map(({ path, before_path: before }) => {
    const from = before === null ? '' : `${before} → `;
    return `${sign} ${from}${nameOf(one, path)}`;
  });
  return all.length > SHOWN ? [...shown, `${sign} … ${all.length - SHOWN}`] : shown;
}

/** Of a single file the path in its data is empty. */
function nameOf(one: IPathDifference, path: string): string {
  return path || one.path;
}
