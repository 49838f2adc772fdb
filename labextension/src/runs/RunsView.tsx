import * as React from 'react';
import {
  caretDownEmptyThinIcon,
  filterListIcon,
  LabIcon,
  refreshIcon,
  undoIcon
} from '@jupyterlab/ui-components';

import { useSignal } from '../components/hooks';
import { NoProject, Waiting } from '../components/Lacking';
import { Notice } from '../components/Notice';
import { compareIcon, groupIcon, runsIcon, starIcon, tagIcon, trashIcon } from '../icons';
import { IRunTableProps, RunTable } from './RunTable';
import { Search } from './Search';

export interface IRunsProps extends IRunTableProps {
  /** Execute a command. */
  run: (command: string, args?: Record<string, string | boolean>) => void;
  /** Show a menu below an element. */
  menu: (which: 'group' | 'columns', below: HTMLElement) => void;
}

/** The panel: a search box, how many runs there are, what can be done, and the runs. */
export function RunsView(props: IRunsProps): JSX.Element {
  const { model } = props;
  useSignal(model.changed);
  const ready = model.state.kind === 'ready';
  return (
    <>
      {ready && <Search model={model} speech={props.speech} />}
      {ready && (model.picked.ids.size > 1 ? <Picked {...props} /> : <Bar {...props} />)}
      <Body {...props} />
    </>
  );
}

function Tool(props: {
  icon: LabIcon;
  title: string;
  onClick: (button: HTMLElement) => void;
  pressed?: boolean;
  menu?: boolean;
}): JSX.Element {
  const { icon, title, onClick, pressed, menu } = props;
  return (
    <button
      type="button"
      className={pressed ? 'mlx-Button mlx-mod-on' : 'mlx-Button'}
      title={title}
      aria-label={title}
      aria-pressed={pressed}
      aria-haspopup={menu ? 'menu' : undefined}
      onClick={event => onClick(event.currentTarget)}
    >
      <icon.react tag="span" elementSize="normal" />
      {menu && <caretDownEmptyThinIcon.react tag="span" className="mlx-Caret" />}
    </button>
  );
}

function Bar(props: IRunsProps): JSX.Element {
  const { model, speech, run, menu } = props;
  const { trans } = speech;
  return (
    <div className="mlx-Bar">
      <span className="mlx-Bar-count" role="status">
        {countText(props)}
      </span>
      <Tool
        icon={groupIcon}
        title={trans.__('Group runs')}
        pressed={model.look.by !== ''}
        menu
        onClick={button => menu('group', button)}
      />
      <Tool
        icon={filterListIcon}
        title={trans.__('Columns')}
        menu
        onClick={button => menu('columns', button)}
      />
      <Tool
        icon={trashIcon}
        title={trans.__('Show the trash')}
        pressed={model.trash}
        onClick={() => run('jupyter-mlx:show-trash')}
      />
      <Tool
        icon={refreshIcon}
        title={trans.__('Refresh the list of runs')}
        onClick={() => run('jupyter-mlx:refresh-runs')}
      />
    </div>
  );
}

/** What can be done with all that are picked. */
function Picked(props: IRunsProps): JSX.Element {
  const { model, speech, run } = props;
  const { trans, locale } = speech;
  const count = model.picked.ids.size;
  return (
    <div className="mlx-Bar mlx-mod-picked">
      <span className="mlx-Bar-count" role="status">
        {trans.__('%1 selected', count.toLocaleString(locale))}
      </span>
      {count <= 50 && (
        <Tool
          icon={compareIcon}
          title={trans.__('Compare the selected runs')}
          onClick={() => run('jupyter-mlx:compare-runs')}
        />
      )}
      <Tool
        icon={tagIcon}
        title={trans.__('Tag the selected runs…')}
        onClick={() => run('jupyter-mlx:tag-runs')}
      />
      <Tool
        icon={starIcon}
        title={trans.__('Star the selected runs')}
        onClick={() => run('jupyter-mlx:star-run')}
      />
      <Tool
        icon={model.trash ? undoIcon : trashIcon}
        title={
          model.trash
            ? trans.__('Bring the selected runs back')
            : trans.__('Move the selected runs to the trash')
        }
        onClick={() =>
          run(model.trash ? 'jupyter-mlx:untrash-run' : 'jupyter-mlx:trash-run')
        }
      />
    </div>
  );
}

function Body(props: IRunsProps): JSX.Element {
  const { model, speech, run } = props;
  const { state } = model;
  const { trans } = speech;
  const again = { label: trans.__('Try again'), run: () => void model.refresh() };
  switch (state.kind) {
    case 'loading':
    case 'failed':
      return (
        <Waiting
          state={state}
          failure={trans.__('The runs could not be fetched')}
          trans={trans}
          onRetry={again.run}
        />
      );
    case 'ready':
      return model.outline.count > 0 ? <RunTable {...props} /> : <Empty {...props} />;
    case 'no-project':
      return (
        <NoProject
          icon={runsIcon}
          trans={trans}
          onCreate={() => run('jupyter-mlx:create-project')}
        >
          {trans.__(
            'Runs are kept in a project: a folder with an mlx.yaml. Make one of the folder of this server; in a terminal it is:'
          )}
        </NoProject>
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
    case 'old-server':
      return (
        <Notice
          alert
          title={trans.__('The server has an older jupyter_mlx')}
          code="pip install --upgrade jupyter-mlx"
          action={again}
        >
          {trans.__(
            'The panel is newer than the extension that the server runs. Restart the Jupyter server; if that is not enough, in its environment:'
          )}
        </Notice>
      );
  }
}

function Empty({ model, speech }: IRunsProps): JSX.Element {
  const { trans } = speech;
  if (model.query !== '') {
    return (
      <Notice title={trans.__('No run matches')}>
        {trans.__('Fewer words find more. Clear the box to see all runs.')}
      </Notice>
    );
  }
  if (model.trash) {
    return (
      <Notice
        icon={trashIcon}
        title={trans.__('The trash is empty')}
        action={{
          label: trans.__('Back to the runs'),
          run: () => void model.showTrash(false)
        }}
      />
    );
  }
  return (
    <Notice icon={runsIcon} title={trans.__('No runs yet')} code={'%%track my-first-run'}>
      {trans.__(
        'Put %1 at the top of a cell and run it: code, figures, metrics and files appear here.',
        '%%track'
      )}
    </Notice>
  );
}

function countText({ model, speech }: IRunsProps): string {
  const { state, query, trash } = model;
  const { trans, locale } = speech;
  if (state.kind !== 'ready') {
    return '';
  }
  const number = state.total.toLocaleString(locale);
  if (query) {
    return trans._n('%2 match', '%2 matches', state.total, number);
  }
  return trash
    ? trans.__('%1 in the trash', number)
    : trans._n('%2 run', '%2 runs', state.total, number);
}
