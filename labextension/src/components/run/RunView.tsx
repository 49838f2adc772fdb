import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { parameter, quantity } from '../../format';
import { ISpeech } from '../../locale';
import { RunModel } from '../../model';
import { IRunDetail, toNumber } from '../../wire';
import { useSignal } from '../hooks';
import { Notice } from '../Notice';
import { Chart } from './Chart';
import { Code } from './Code';
import { Environment } from './Environment';
import { Files } from './Files';
import { Header } from './Header';
import { Outputs } from './Outputs';
import { Facts, Section } from './Section';

/** What a run's page takes from JupyterLab. */
export interface IRunHost {
  readonly speech: ISpeech;
  readonly rendermime: IRenderMimeRegistry;
  readonly languages: IEditorLanguageRegistry | null;
  readonly openNotebook: (path: string) => void;
  readonly openRun: (id: string) => void;
}

/** The page of one run. */
export function RunView(props: { model: RunModel; host: IRunHost }): JSX.Element {
  const { model, host } = props;
  const { trans } = host.speech;
  useSignal(model.changed);
  const state = model.state;
  switch (state.kind) {
    case 'loading':
      return <div aria-busy="true" />;
    case 'failed':
      return (
        <Notice
          alert
          title={trans.__('The run could not be fetched')}
          action={{ label: trans.__('Try again'), run: () => void model.refresh() }}
        >
          {state.message}
        </Notice>
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

/** What happened: failure, curves, code, outputs. */
function Story(props: {
  run: IRunDetail;
  outputs: readonly object[];
  host: IRunHost;
}): JSX.Element {
  const { run, outputs, host } = props;
  const { trans } = host.speech;
  const curves = Object.entries(run.series).filter(([, points]) => points.length > 1);
  return (
    <>
      {run.error && <Failure error={run.error} host={host} />}
      {curves.length > 0 && (
        <Section title={trans.__('Curves')}>
          <div className="mlx-Charts">
            {curves.map(([name, points]) => (
              <Chart key={name} name={name} points={points} speech={host.speech} />
            ))}
          </div>
        </Section>
      )}
      {run.source && (
        <Section title={trans.__('Code')}>
          <Code
            source={run.source}
            label={trans.__('Source code')}
            languages={host.languages}
          />
        </Section>
      )}
      {outputs.length > 0 && (
        <Section title={trans.__('Output')}>
          <Outputs outputs={outputs} rendermime={host.rendermime} />
        </Section>
      )}
    </>
  );
}

/** The facts: metrics, params, files, environment. */
function Summary(props: { run: IRunDetail; speech: ISpeech }): JSX.Element {
  const { run, speech } = props;
  const { trans } = speech;
  const metrics = Object.entries(run.metrics);
  const params = Object.entries(run.params);
  return (
    <>
      {metrics.length > 0 && (
        <Section title={trans.__('Metrics')}>
          <Facts
            numeric
            label={trans.__('Metrics')}
            rows={metrics.map(([name, value]) => [
              name,
              <span key={name} title={String(value)}>
                {quantity(toNumber(value), 5)}
              </span>
            ])}
          />
        </Section>
      )}
      {params.length > 0 && (
        <Section title={trans.__('Parameters')}>
          <Facts
            numeric
            label={trans.__('Parameters')}
            rows={params.map(([name, value]) => [
              name,
              <span key={name} title={parameter(value)}>
                {parameter(value)}
              </span>
            ])}
          />
        </Section>
      )}
      {run.inputs.length > 0 && (
        <Section title={trans.__('Read')}>
          <Files files={run.inputs} label={trans.__('Files read')} trans={trans} />
        </Section>
      )}
      {run.outputs.length > 0 && (
        <Section title={trans.__('Written')}>
          <Files files={run.outputs} label={trans.__('Files written')} trans={trans} />
        </Section>
      )}
      {Object.keys(run.environment).length > 0 && (
        <Environment environment={run.environment} speech={speech} />
      )}
    </>
  );
}

function Failure(props: {
  error: NonNullable<IRunDetail['error']>;
  host: IRunHost;
}): JSX.Element {
  const { error, host } = props;
  const { ename, evalue, traceback } = error;
  const outputs = React.useMemo(
    () => [{ output_type: 'stream', name: 'stderr', text: traceback.join('\n') }],
    [traceback]
  );
  return (
    <Section title={host.speech.trans.__('Error')}>
      <p className="mlx-Failure" role="alert">
        <strong>{ename}</strong>
        {evalue && `: ${evalue}`}
      </p>
      {traceback.length > 0 && <Outputs outputs={outputs} rendermime={host.rendermime} />}
    </Section>
  );
}
