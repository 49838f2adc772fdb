import * as React from 'react';

import { bytes, duration, parameter, quantity } from '../../format';
import { ISpeech } from '../../locale';
import { IRunDetail, toNumber, WireNumber } from '../../wire';
import { Environment } from './Environment';
import { Files } from './Files';
import { Facts, Section } from './Section';

/** The facts: metrics, params, files, seeds, what was used, environment. */
export function Summary(props: { run: IRunDetail; speech: ISpeech }): JSX.Element {
  const { run, speech } = props;
  const { trans } = speech;
  const params = Object.entries(run.params);
  return (
    <>
      <Metrics run={run} speech={speech} />
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
      <Seeds run={run} speech={speech} />
      <Used run={run} speech={speech} />
      {Object.keys(run.environment).length > 0 && (
        <Environment environment={run.environment} speech={speech} />
      )}
    </>
  );
}

function Metrics({
  run,
  speech: { trans }
}: {
  run: IRunDetail;
  speech: ISpeech;
}): JSX.Element | null {
  const guessed = new Set(run.guessed ?? []);
  const row = ([name, value]: [string, WireNumber]) =>
    [
      name,
      <span key={name} title={String(value)}>
        {guessed.has(name) && (
          <i
            className="mlx-Guessed"
            title={trans.__('Nobody logged it: it was taken from what the cell computed')}
          >
            {trans.__('guessed')}
          </i>
        )}
        {quantity(toNumber(value), 5)}
      </span>
    ] as const;
  const metrics = Object.entries(run.metrics);
  return metrics.length === 0 ? null : (
    <Section title={trans.__('Metrics')}>
      <Facts numeric label={trans.__('Metrics')} rows={metrics.map(row)} />
    </Section>
  );
}

function Seeds({
  run,
  speech: { trans }
}: {
  run: IRunDetail;
  speech: ISpeech;
}): JSX.Element | null {
  const seeds = Object.entries(run.seeds ?? {});
  return seeds.length === 0 ? null : (
    <Section title={trans.__('Seeds')}>
      <Facts
        numeric
        label={trans.__('Seeds')}
        rows={seeds.map(([name, value]) => {
          const given = (value as { set?: unknown } | null)?.set;
          const isSet = Array.isArray(given)
            ? given.length > 0
            : given !== undefined && given !== null;
          return [name, isSet ? parameter(given) : trans.__('not set')];
        })}
      />
    </Section>
  );
}

function Used({
  run,
  speech: { trans }
}: {
  run: IRunDetail;
  speech: ISpeech;
}): JSX.Element | null {
  const used = run.resources ?? {};
  const rows: (readonly [string, string])[] = [];
  const add = (key: string, label: string, text: (value: number) => string) => {
    const value = used[key];
    if (typeof value === 'number' && value > 0) {
      rows.push([label, text(value)]);
    }
  };
  add('cpu_s', trans.__('Processor time'), duration);
  add('peak_memory_bytes', trans.__('Peak memory'), bytes);
  add('read_bytes', trans.__('Bytes read'), bytes);
  add('written_bytes', trans.__('Bytes written'), bytes);
  add('peak_gpu_memory_bytes', trans.__('Peak GPU memory'), bytes);
  return rows.length === 0 ? null : (
    <Section title={trans.__('Used')}>
      <Facts numeric label={trans.__('Used')} rows={rows} />
    </Section>
  );
}
