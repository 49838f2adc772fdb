import * as React from 'react';

import { useAsked } from '../components/hooks';
import type { IRunHost } from '../components/run/RunView';
import { IRun } from '../wire';
import { CodeDifference } from './CodeDifference';

/** What a notebook had changed since its snapshot before; nothing where this is the first. */
export function SinceSnapshot(props: {
  run: IRun;
  host: Pick<IRunHost, 'page' | 'languages' | 'speech'>;
}): JSX.Element | null {
  const { run, host } = props;
  const { page, languages, speech } = host;
  const asked = useAsked(async () => {
    const id = await page.before(run.id);
    return id === null ? null : { id, ...(await page.pair(id, run.id)) };
  }, run.id);
  if (asked.kind !== 'ready' || asked.value === null) {
    return null;
  }
  const { id, cells } = asked.value;
  return (
    <CodeDifference
      a={{ id, name: id.slice(0, 8) }}
      b={run}
      changes={cells}
      title={speech.trans.__('Changed since the snapshot before')}
      page={page}
      languages={languages}
      speech={speech}
    />
  );
}
