import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';

import { useAsked } from '../components/hooks';
import { Section } from '../components/run/Section';
import { ISpeech } from '../locale';
import { PageApi } from '../run/api';
import { IRun } from '../wire';
import { cellPairs, unchanged } from './cells';
import { CellList } from './CellList';
import { Merge } from './MergeBox';
import { ICellChange } from './wire';

/** The code of two runs: of notebooks cell by cell, of all else as one text. */
export function CodeDifference(props: {
  a: Pick<IRun, 'id' | 'name'>;
  b: Pick<IRun, 'id' | 'name'>;
  /** Of the cells that are not the same; null where that is not known. */
  changes: readonly ICellChange[] | null;
  title: string;
  page: PageApi;
  languages: IEditorLanguageRegistry | null;
  speech: ISpeech;
}): JSX.Element | null {
  const { a, b, changes, title, page, languages, speech } = props;
  const { trans } = speech;
  const asked = useAsked(
    () => Promise.all([page.code(a.id), page.code(b.id)]),
    `${a.id} ${b.id}`
  );
  if (asked.kind !== 'ready') {
    return (
      <Section title={title}>
        {asked.kind === 'failed' ? (
          <p className="mlx-Problem">{asked.message}</p>
        ) : (
          <div aria-busy="true" />
        )}
      </Section>
    );
  }
  const [before, after] = asked.value;
  const pairs = changes && cellPairs(changes, before, after);
  if (pairs === null ? before.text === after.text : pairs.length === 0) {
    return null;
  }
  return (
    <Section title={title}>
      {pairs === null ? (
        <Merge
          before={before.text}
          after={after.text}
          names={[trans.__('Code of %1', a.name), trans.__('Code of %1', b.name)]}
          languages={languages}
          trans={trans}
        />
      ) : (
        <CellList
          pairs={pairs}
          unchanged={unchanged(pairs, after)}
          languages={languages}
          trans={trans}
        />
      )}
    </Section>
  );
}
