import * as React from 'react';

import { ago, duration, moment } from '../../format';
import { ISpeech } from '../../locale';
import { IEdit, IRunDetail } from '../../wire';
import { useNow } from '../hooks';
import { StatusIcon, statusText } from '../StatusIcon';
import { Marks } from './Marks';

/** Which run it is: name, status, what, when, where. */
export function Header(props: {
  run: IRunDetail;
  visible: boolean;
  speech: ISpeech;
  onOpenNotebook: (path: string) => void;
  onOpenRun: (id: string) => void;
  onEdit: (edit: IEdit) => void;
}): JSX.Element {
  const { run, visible, speech } = props;
  const { trans, locale } = speech;
  const running = run.status === 'running';
  const now = useNow(visible ? (running ? 1000 : 20_000) : null);
  const seconds =
    run.duration_s ??
    (running ? Math.max(0, (now - Date.parse(run.started_at)) / 1000) : null);
  return (
    <header className="mlx-Header">
      <h1 className="mlx-Header-name">
        <StatusIcon status={run.status} trans={trans} />
        <span>{run.name}</span>
      </h1>
      <ul className="mlx-Header-facts">
        <li className={`mlx-Header-status mlx-mod-${run.status}`}>
          {statusText(run.status, trans)}
        </li>
        <li>{run.kind}</li>
        <li>
          <time dateTime={run.started_at} title={moment(run.started_at, locale)}>
            {ago(run.started_at, now, locale)}
          </time>
        </li>
        {seconds !== null && <li className="mlx-mod-number">{duration(seconds)}</li>}
        {run.notebook && (
          <li>
            <button
              type="button"
              className="mlx-Link"
              title={trans.__('Open %1', run.notebook)}
              onClick={() => props.onOpenNotebook(run.notebook ?? '')}
            >
              {run.notebook}
            </button>
          </li>
        )}
        {run.parent && (
          <li>
            <button
              type="button"
              className="mlx-Link"
              onClick={() => props.onOpenRun(run.parent ?? '')}
            >
              {trans.__('part of a run')}
            </button>
          </li>
        )}
        <Commit git={run.git} speech={speech} />
        <li className="mlx-Header-id" title={trans.__('The id of the run')}>
          {run.id}
        </li>
      </ul>
      <Marks run={run} trans={trans} onEdit={props.onEdit} />
    </header>
  );
}

function Commit(props: {
  git: Readonly<Record<string, unknown>>;
  speech: ISpeech;
}): JSX.Element | null {
  const { commit, branch, dirty } = props.git;
  const { trans } = props.speech;
  if (typeof commit !== 'string') {
    return null;
  }
  const title = [commit, typeof branch === 'string' ? branch : '']
    .filter(Boolean)
    .join('\n');
  return (
    <li title={title}>
      <span className="mlx-mod-code">{commit.slice(0, 8)}</span>
      {dirty ? (
        <span className="mlx-Header-dirty"> {trans.__('+ uncommitted changes')}</span>
      ) : null}
    </li>
  );
}
