import * as React from 'react';

import { SinceSnapshot } from '../../compare/SinceSnapshot';
import { IRunDetail } from '../../wire';
import { useAsked } from '../hooks';
import { Code } from './Code';
import { Curves, Resources } from './Curves';
import { Lineage } from './Lineage';
import { Outputs } from './Outputs';
import { IRunHost } from './RunView';
import { Section } from './Section';

/** What happened: failure, curves, code, outputs, where its files come from and go to. */
export function Story(props: {
  run: IRunDetail;
  outputs: readonly object[];
  host: IRunHost;
}): JSX.Element {
  const { run, outputs, host } = props;
  const { trans } = host.speech;
  const hasFiles = run.inputs.length > 0 || run.outputs.length > 0;
  return (
    <>
      {run.error && <Failure error={run.error} host={host} />}
      <Doubts run={run} />
      <Curves run={run} page={host.page} speech={host.speech} />
      {run.kind === 'snapshot' && <SinceSnapshot run={run} host={host} />}
      <Source run={run} host={host} />
      {outputs.length > 0 && (
        <Section title={trans.__('Output')}>
          <Outputs outputs={outputs} rendermime={host.rendermime} />
        </Section>
      )}
      <Log outputs={outputs} host={host} />
      {hasFiles && (
        <Section title={trans.__('Lineage')}>
          <Lineage
            run={run}
            page={host.page}
            speech={host.speech}
            onOpenRun={host.openRun}
            onOpenFile={host.openNotebook}
          />
        </Section>
      )}
      {run.resources && <Resources resources={run.resources} speech={host.speech} />}
      {typeof run.git.diff === 'string' && (
        <GitDifference digest={run.git.diff} host={host} />
      )}
    </>
  );
}

/** The cells that it needed, folded; then its own code. */
function Source({ run, host }: { run: IRunDetail; host: IRunHost }): JSX.Element | null {
  const { trans } = host.speech;
  if (!run.source) {
    return null;
  }
  const slice = run.slice ?? [];
  return (
    <Section title={trans.__('Code')}>
      {slice.length > 0 && (
        <details className="mlx-Slice">
          <summary>
            {trans._n(
              '%1 earlier cell that it needed',
              '%1 earlier cells that it needed',
              slice.length
            )}
          </summary>
          {slice.map((source, at) => (
            <Code
              key={at}
              source={source}
              label={trans.__('Earlier cell %1', at + 1)}
              languages={host.languages}
            />
          ))}
        </details>
      )}
      {run.slice_notes?.map(note => (
        <p key={note} className="mlx-Doubt">
          {note}
        </p>
      ))}
      <Code
        source={run.source}
        label={trans.__('Source code')}
        languages={host.languages}
      />
    </Section>
  );
}

/** What is not sure of the record. */
function Doubts({ run }: { run: IRunDetail }): JSX.Element | null {
  const doubts = [...(run.problems ?? []), ...(run.incomplete ?? [])];
  return doubts.length === 0 ? null : (
    <ul className="mlx-Doubts">
      {doubts.map(doubt => (
        <li key={doubt} className="mlx-Doubt">
          {doubt}
        </li>
      ))}
    </ul>
  );
}

/** All that was printed, as one text, where other outputs stand between. */
function Log(props: { outputs: readonly object[]; host: IRunHost }): JSX.Element | null {
  const { outputs, host } = props;
  const printed = React.useMemo(
    () =>
      outputs.filter(
        output => (output as { output_type?: unknown }).output_type === 'stream'
      ),
    [outputs]
  );
  const [isOpen, setOpen] = React.useState(false);
  if (printed.length === 0 || printed.length === outputs.length) {
    return null;
  }
  return (
    <details
      className="mlx-Details"
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>{host.speech.trans.__('Log')}</summary>
      {isOpen && <Outputs outputs={printed} rendermime={host.rendermime} />}
    </details>
  );
}

function GitDifference(props: { digest: string; host: IRunHost }): JSX.Element {
  const [isOpen, setOpen] = React.useState(false);
  return (
    <details
      className="mlx-Details"
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>{props.host.speech.trans.__('Uncommitted changes')}</summary>
      {isOpen && <DifferenceText {...props} />}
    </details>
  );
}

function DifferenceText({
  digest,
  host
}: {
  digest: string;
  host: IRunHost;
}): JSX.Element {
  const asked = useAsked(() => host.page.text(digest), digest);
  switch (asked.kind) {
    case 'loading':
      return <div aria-busy="true" />;
    case 'failed':
      return <p className="mlx-Problem">{asked.message}</p>;
    case 'ready':
      return (
        <UnifiedDifference
          lines={asked.value.split('\n')}
          label={host.speech.trans.__('Uncommitted changes')}
        />
      );
  }
}

/** Lines that begin with their sign. */
export function UnifiedDifference(props: {
  lines: readonly string[];
  label: string;
}): JSX.Element {
  return (
    <pre className="mlx-Code mlx-Difference" tabIndex={0} aria-label={props.label}>
      {props.lines.map((line, at) => (
        <span key={at} className={signOf(line)}>
          {line}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

function signOf(line: string): string {
  if (/^(\+\+\+|---|diff |index |@@)/.test(line)) {
    return 'mlx-mod-head';
  }
  return line.startsWith('+')
    ? 'mlx-mod-come'
    : line.startsWith('-')
      ? 'mlx-mod-gone'
      : '';
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
