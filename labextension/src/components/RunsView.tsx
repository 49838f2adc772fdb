import * as React from 'react';
import { refreshIcon } from '@jupyterlab/ui-components';

import { runsIcon } from '../icons';
import { ISpeech } from '../locale';
import { RunsModel, RunsState } from '../model';
import { useSignal } from './hooks';
import { Notice } from './Notice';
import { RunList } from './RunList';

const TYPING_MS = 250;

export interface IRunsProps {
  model: RunsModel;
  speech: ISpeech;
  onOpen: (id: string) => void;
}

/** The panel: a search box, how many runs there are, and the runs. */
export function RunsView(props: IRunsProps): JSX.Element {
  const { model, speech } = props;
  const { trans } = speech;
  useSignal(model.changed);
  const state = model.state;
  return (
    <>
      {state.kind === 'ready' && (
        <Search model={model} speech={speech} problem={state.queryProblem} />
      )}
      <div className="mlx-Bar">
        <span className="mlx-Bar-count" role="status">
          {countText(state, model.query, speech)}
        </span>
        <button
          type="button"
          className="mlx-Button"
          title={trans.__('Refresh the list of runs')}
          aria-label={trans.__('Refresh the list of runs')}
          onClick={() => void model.refresh()}
        >
          <refreshIcon.react tag="span" elementSize="normal" />
        </button>
      </div>
      <Body {...props} state={state} />
    </>
  );
}

function Body(props: IRunsProps & { state: RunsState }): JSX.Element | null {
  const { model, state, speech, onOpen } = props;
  const { trans } = speech;
  const again = { label: trans.__('Try again'), run: () => void model.refresh() };
  switch (state.kind) {
    case 'loading':
      return <div className="mlx-List" aria-busy="true" />;
    case 'ready':
      return state.runs.length > 0 ? (
        <RunList
          model={model}
          runs={state.runs}
          total={state.total}
          speech={speech}
          onOpen={onOpen}
        />
      ) : (
        <Empty {...props} searching={model.query !== '' && state.queryProblem === null} />
      );
    case 'no-project':
      return (
        <Notice
          icon={runsIcon}
          title={trans.__('No project here')}
          code="jmlx init"
          action={again}
        >
          {trans.__(
            'Runs are kept in a project: a folder with an mlx.yaml. This makes one of the folder, in a terminal:'
          )}
        </Notice>
      );
    case 'no-server':
      return (
        <Notice
          alert
          title={trans.__('The server does not know jupyter_mlx')}
          code={'pip install jupyter-mlx\njupyter server extension enable jupyter_mlx'}
          action={again}
        >
          {trans.__(
            'The panel is installed, but the server extension is not. In the environment of the Jupyter server:'
          )}
        </Notice>
      );
    case 'failed':
      return (
        <Notice alert title={trans.__('The runs could not be fetched')} action={again}>
          {state.message}
        </Notice>
      );
  }
}

function Empty(props: IRunsProps & { searching: boolean }): JSX.Element {
  const { trans } = props.speech;
  return props.searching ? (
    <Notice title={trans.__('No run matches')}>
      {trans.__('Fewer words find more. Clear the box to see all runs.')}
    </Notice>
  ) : (
    <Notice
      icon={runsIcon}
      title={trans.__('No runs yet')}
      code={'%load_ext jupyter_mlx\n\n%%track my-first-run'}
    >
      {trans.__(
        'Load the extension in one cell, put %%track at the top of another, and run it: code, figures, metrics and files appear here.'
      )}
    </Notice>
  );
}

function Search(props: {
  model: RunsModel;
  speech: ISpeech;
  problem: string | null;
}): JSX.Element {
  const { model, problem } = props;
  const { trans } = props.speech;
  const [text, setText] = React.useState(model.query);
  React.useEffect(() => {
    const timer = setTimeout(() => void model.search(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [model, text]);
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') {
      void model.search(text);
    } else if (event.key === 'Escape' && text) {
      event.preventDefault();
      setText('');
    }
  };
  return (
    <div className="mlx-Search">
      <input
        type="search"
        className="mlx-Search-input"
        placeholder={trans.__('Search: a name, or acc > 0.9')}
        aria-label={trans.__('Search runs')}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : 'mlx-search-problem'}
        spellCheck={false}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {problem !== null && (
        <div id="mlx-search-problem" className="mlx-Search-problem" role="alert">
          {problem}
        </div>
      )}
    </div>
  );
}

function countText(state: RunsState, query: string, { trans, locale }: ISpeech): string {
  if (state.kind === 'loading') {
    return trans.__('Loading…');
  }
  if (state.kind !== 'ready') {
    return '';
  }
  const number = state.total.toLocaleString(locale);
  return query
    ? trans._n('%2 match', '%2 matches', state.total, number)
    : trans._n('%2 run', '%2 runs', state.total, number);
}
