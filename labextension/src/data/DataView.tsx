/**
 * Tracked data: each with its state, its size, and its versions to go back to.
 */
import * as React from 'react';
import { refreshIcon } from '@jupyterlab/ui-components';

import { useSignal } from '../components/hooks';
import { LackingNotice } from '../components/Lacking';
import { Notice } from '../components/Notice';
import { bytes } from '../format';
import { dataIcon } from '../icons';
import { IJob } from '../jobs';
import { ISpeech } from '../locale';
import { DataApi } from './api';
import { DataModel } from './model';
import { Tracked } from './Tracked';

export interface IDataProps {
  model: DataModel;
  api: DataApi;
  speech: ISpeech;
  /** Begin to work, and tell of what goes wrong. */
  begin: (what: string, paths: readonly string[], rev?: string) => void;
  /** Make a project of the server's folder. */
  create: () => void;
}

export function DataView(props: IDataProps): JSX.Element {
  const { model, speech } = props;
  const { trans } = speech;
  useSignal(model.changed);
  const { state, job } = model;
  const data = state.kind === 'ready' ? state.data : [];
  const changed = data.filter(one => one.state !== 'unchanged').length;
  return (
    <>
      {state.kind === 'ready' && (
        <div className="mlx-Bar">
          <span className="mlx-Bar-count" role="status">
            {trans._n('%1 tracked', '%1 tracked', data.length)}
            {changed > 0 && trans.__(', %1 changed', changed)}
          </span>
          <Transfers {...props} />
        </div>
      )}
      {job && <JobLine job={job} model={model} speech={speech} />}
      <Body {...props} />
    </>
  );
}

function Transfers({ model, speech: { trans }, begin }: IDataProps): JSX.Element {
  const { state, job } = model;
  const hasRemote = state.kind === 'ready' && state.remotes.length > 0;
  const disabled = job?.state === 'running' || !hasRemote;
  const without = trans.__(
    'No remote yet: `jmlx remote add origin FOLDER` gives the project one'
  );
  const button = (what: string, label: string, title: string) => (
    <button
      type="button"
      className="mlx-Data-action"
      disabled={disabled}
      title={hasRemote ? title : without}
      onClick={() => begin(what, [])}
    >
      {label}
    </button>
  );
  return (
    <span className="mlx-Data-actions">
      {button('push', trans.__('Push'), trans.__('Send what the remote lacks'))}
      {button('pull', trans.__('Pull'), trans.__('Fetch what is lacking here'))}
      <button
        type="button"
        className="mlx-Button"
        title={trans.__('Refresh the list of data')}
        aria-label={trans.__('Refresh the list of data')}
        onClick={() => model.refresh()}
      >
        <refreshIcon.react tag="span" elementSize="normal" />
      </button>
    </span>
  );
}

function Body(props: IDataProps): JSX.Element {
  const { model, speech } = props;
  const { trans } = speech;
  const { state } = model;
  if (state.kind !== 'ready') {
    return (
      <LackingNotice
        state={state}
        icon={dataIcon}
        trans={trans}
        purpose={trans.__(
          'Versions of data are kept in a project: a folder with an mlx.yaml. Make one of the folder of this server; in a terminal it is:'
        )}
        unknown={trans.__('The server knows nothing of data')}
        failure={trans.__('The data could not be looked at')}
        onRetry={() => model.refresh()}
        onCreate={props.create}
      />
    );
  }
  return state.data.length === 0 ? (
    <Notice icon={dataIcon} title={trans.__('No data is tracked yet')}>
      {trans.__(
        'In the file browser, right-click a file or folder and choose Track Data: each state of it that you add can be brought back.'
      )}
    </Notice>
  ) : (
    <ul className="mlx-Data" aria-label={trans.__('Tracked data')}>
      {state.data.map(one => (
        <Tracked key={one.path} {...props} tracked={one} />
      ))}
    </ul>
  );
}

/** How far a job is, or why it ended early: that stays until it is put away. */
function JobLine(props: {
  job: IJob;
  model: DataModel;
  speech: ISpeech;
}): JSX.Element | null {
  const { job, model } = props;
  const { trans } = props.speech;
  if (job.state === 'done') {
    return null;
  }
  if (job.state !== 'running') {
    return (
      <div className="mlx-Job mlx-mod-failed" role="alert">
        <span>
          {job.state === 'stopped'
            ? trans.__('%1 was stopped; begin it again to go on', job.what)
            : job.problem}
        </span>
        <button type="button" className="mlx-Data-action" onClick={() => model.dismiss()}>
          {trans.__('Close')}
        </button>
      </div>
    );
  }
  const value = job.of_bytes > 0 ? Math.min(1, job.size_bytes / job.of_bytes) : undefined;
  return (
    <div className="mlx-Job">
      <span>{`jmlx ${job.what}`}</span>
      <progress className="mlx-Job-bar" aria-label={`jmlx ${job.what}`} value={value} />
      <span className="mlx-Data-size">{bytes(job.size_bytes)}</span>
      <button type="button" className="mlx-Data-action" onClick={() => void model.stop()}>
        {trans.__('Stop')}
      </button>
    </div>
  );
}
