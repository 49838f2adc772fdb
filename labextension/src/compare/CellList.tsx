import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Code } from '../components/run/Code';
import { ICellPair } from './cells';
import { Merge } from './MergeBox';

/** So many editors are made at once. */
const MOST_AT_ONCE = 20;

/** The cells of a notebook that came, went, moved or were edited. */
export function CellList(props: {
  pairs: readonly ICellPair[];
  /** How many others there are. */
  unchanged: number;
  languages: IEditorLanguageRegistry | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { pairs, unchanged, languages, trans } = props;
  return (
    <>
      <ol className="mlx-Cells" aria-label={trans.__('Cells that differ')}>
        {pairs.map(pair => (
          <li key={`${pair.a} ${pair.b}`}>
            <CellDifference
              pair={pair}
              isLazy={pairs.length > MOST_AT_ONCE}
              languages={languages}
              trans={trans}
            />
          </li>
        ))}
      </ol>
      {unchanged > 0 && (
        <p className="mlx-Section-note">
          {trans._n(
            '%1 cell is the same in both; outputs are not counted',
            '%1 cells are the same in both; outputs are not counted',
            unchanged
          )}
        </p>
      )}
    </>
  );
}

function CellDifference(props: {
  pair: ICellPair;
  isLazy: boolean;
  languages: IEditorLanguageRegistry | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { pair, trans } = props;
  const { what, a, b, before, after } = pair;
  const languages = pair.isCode ? props.languages : null;
  const places = a === null || b === null || a === b ? `${b ?? a}` : `${a} → ${b}`;
  const name = trans.__('Cell %1', places);
  return (
    <>
      <h3 className={`mlx-Cells-what mlx-mod-${what}`}>
        {name}
        <span>{told(what, trans)}</span>
        {!pair.isCode && <span>{trans.__('text')}</span>}
      </h3>
      {what === 'changed' ? (
        <Merge
          before={before ?? ''}
          after={after ?? ''}
          isLazy={props.isLazy}
          names={[trans.__('%1 before', name), trans.__('%1 after', name)]}
          languages={languages}
          trans={trans}
        />
      ) : (
        what !== 'moved' && (
          <Code source={after ?? before ?? ''} label={name} languages={languages} />
        )
      )}
    </>
  );
}

function told(what: ICellPair['what'], trans: TranslationBundle): string {
  switch (what) {
    case 'added':
      return trans.__('added');
    case 'removed':
      return trans.__('removed');
    case 'changed':
      return trans.__('changed');
    case 'moved':
      return trans.__('moved');
  }
}
