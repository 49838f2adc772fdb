import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { ISpeech } from '../../locale';
import { RunModel } from '../../model';
import { PageApi } from '../../run/api';
import { ReproductionsModel } from '../../run/reproductions';
import { useSignal } from '../hooks';
import { Waiting } from '../Lacking';
import { Header } from './Header';
import { Reproductions } from './Reproductions';
import { Story } from './Story';
import { Summary } from './Summary';

/** What a run's page takes from JupyterLab. */
export interface IRunHost {
  readonly speech: ISpeech;
  readonly rendermime: IRenderMimeRegistry;
  readonly languages: IEditorLanguageRegistry | null;
  readonly page: PageApi;
  /** Open a file of the project. */
  readonly openNotebook: (path: string) => void;
  readonly openRun: (id: string) => void;
  /** Await a piece of work; tell the reader of a failure. */
  readonly report: (work: Promise<unknown>) => void;
}

/** The page of one run. */
export function RunView(props: {
  model: RunModel;
  again: ReproductionsModel;
  host: IRunHost;
}): JSX.Element {
  const { model, again, host } = props;
  const { trans } = host.speech;
  useSignal(model.changed);
  useSignal(again.changed);
  const state = model.state;
  switch (state.kind) {
    case 'loading':
    case 'failed':
      return (
        <Waiting
          state={state}
          failure={trans.__('The run could not be fetched')}
          trans={trans}
          onRetry={() => model.refresh()}
        />
      );
    case 'ready':
      return (
        <div className="mlx-Run">
          <Header
            run={state.run}
            visible={model.visible}
            speech={host.speech}
            onOpenNotebook={host.openNotebook}
            onOpenRun={host.openRun}
            onEdit={edit => host.report(model.edit(edit))}
          />
          <Reproductions
            state={again.state}
            speech={host.speech}
            onStop={() => host.report(again.stop())}
            onOpenRun={host.openRun}
          />
          <div className="mlx-Run-columns">
            <div className="mlx-Run-main">
              <Story run={state.run} outputs={state.outputs} host={host} />
            </div>
            <div className="mlx-Run-side">
              <Summary run={state.run} speech={host.speech} />
            </div>
          </div>
        </div>
      );
  }
}
