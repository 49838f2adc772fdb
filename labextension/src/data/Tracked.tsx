import * as React from 'react';

import { ago, bytes, moment } from '../format';
import { Problem } from '../wire';
import { ITracked, IVersion } from './api';
import type { IDataProps } from './DataView';
import { differenceText, MARKS, stateText } from './words';

type Props = IDataProps & { tracked: ITracked };

/** What a promise came to; while it is under way null, of a failure its message. */
function useAnswer<T>(
  ask: () => Promise<T>,
  about: readonly unknown[]
): T | string | null {
  const [answer, setAnswer] = React.useState<T | string | null>(null);
  React.useEffect(() => {
    let isCurrent = true;
    ask().then(
      found => isCurrent && setAnswer(() => found),
      (caught: unknown) => isCurrent && setAnswer(Problem.of(caught).message)
    );
    return () => {
      isCurrent = false;
    };
    // the question is another one where what it is about is
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, about);
  return answer;
}

/** One file or folder; opened, with what can be done and its versions. */
export function Tracked(props: Props): JSX.Element {
  const { tracked, model, begin } = props;
  const { trans } = props.speech;
  const { path, state } = tracked;
  const [open, setOpen] = React.useState(false);
  const disabled = model.job?.state === 'running';
  const told = stateText(state, trans);
  const button = (what: string, label: string) => (
    <button
      type="button"
      className="mlx-Data-action"
      disabled={disabled}
      onClick={() => begin(what, [path])}
    >
      {label}
    </button>
  );
  return (
    <li>
      <button
        type="button"
        className="mlx-Data-row"
        aria-expanded={open}
        title={`${path}\n${told}\n${tracked.digest}`}
        onClick={() => setOpen(!open)}
      >
        <span className={`mlx-Data-mark mlx-mod-${state}`} role="img" aria-label={told}>
          {MARKS[state]}
        </span>
        <span className="mlx-Data-path">
          <bdi>{path}</bdi>
          {tracked.kind === 'folder' && '/'}
        </span>
        <span className="mlx-Data-size">{bytes(tracked.size_bytes)}</span>
      </button>
      {open && (
        <div className="mlx-Data-more">
          <div className="mlx-Data-actions">
            <span className="mlx-Data-fact mlx-mod-line">
              {told} · {trans._n('%1 file', '%1 files', tracked.files)}
            </span>
            {state === 'modified' && button('add', trans.__('Add Version'))}
            {state !== 'unchanged' && button('checkout', trans.__('Bring Back'))}
          </div>
          {state === 'modified' && <Difference {...props} from="" />}
          <Versions {...props} />
        </div>
      )}
    </li>
  );
}

/** The versions of a path in git, the newest first, each to be brought back or compared. */
function Versions(props: Props): JSX.Element | null {
  const { tracked, api, speech } = props;
  const found = useAnswer(() => api.versions(tracked.path), [api, tracked]);
  if (found === null) {
    return null;
  }
  if (typeof found === 'string') {
    return <p className="mlx-Data-fact">{found}</p>;
  }
  return (
    <ol
      className="mlx-Data-versions"
      aria-label={speech.trans.__('Versions of %1', tracked.path)}
    >
      {found.map(version => (
        <Version key={version.commit} {...props} version={version} />
      ))}
    </ol>
  );
}

function Version(props: Props & { version: IVersion }): JSX.Element {
  const { tracked, version, begin, model } = props;
  const { trans, locale } = props.speech;
  const [open, setOpen] = React.useState(false);
  return (
    <li>
      <div className="mlx-Data-version">
        <span className="mlx-Data-path" title={version.commit}>
          {version.subject}
        </span>
        <time dateTime={version.at} title={moment(version.at, locale)}>
          {ago(version.at, Date.now(), locale)}
        </time>
        <span className="mlx-Data-size">
          {version.size_bytes === null ? version.problem : bytes(version.size_bytes)}
        </span>
      </div>
      <div className="mlx-Data-actions">
        <button
          type="button"
          className="mlx-Link"
          disabled={version.digest === null || model.job?.state === 'running'}
          onClick={() => begin('checkout', [tracked.path], version.commit)}
        >
          {trans.__('Bring Back')}
        </button>
        <button
          type="button"
          className="mlx-Link"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {trans.__('Difference')}
        </button>
      </div>
      {open && <Difference {...props} from={version.commit} />}
    </li>
  );
}

function Difference(props: Props & { from: string }): JSX.Element {
  const { api, tracked, from } = props;
  const { trans } = props.speech;
  const found = useAnswer(() => api.diff(tracked.path, from), [api, tracked, from]);
  return (
    <pre
      className="mlx-Data-difference"
      role="region"
      tabIndex={0}
      aria-label={trans.__('Difference')}
    >
      {found === null
        ? trans.__('Comparing…')
        : typeof found === 'string'
          ? found
          : differenceText(found, trans)}
    </pre>
  );
}
