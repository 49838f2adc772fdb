import * as React from 'react';

import { useAsked } from '../components/hooks';
import { Section } from '../components/run/Section';
import { ISpeech } from '../locale';
import { CompareApi } from './api';
import { axisOf, shortName } from './axes';
import { shadeOf } from './draw';
import { Parallel, Scatter } from './Plots';
import { IColumns } from './wire';

const MOST_AXES = 8;

/** Many runs as points and as lines: which params go with which results. */
export function Explore(props: {
  api: CompareApi;
  /** The runs of a query; or, with `ids`, those alone. */
  query: string;
  ids?: readonly string[];
  /** With another one the runs may be others. */
  round?: number;
  speech: ISpeech;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { api, query, ids, round = 0, speech, onOpen } = props;
  const { trans } = speech;
  const [fields, setFields] = React.useState<readonly string[]>([]);
  const [shaded, setShaded] = React.useState<string | null>(null);
  const text = ids ? ids.map(id => `id = "${id}"`).join(' or ') : query;
  const asked = useAsked(
    () => api.columns(text, fields),
    // what was found for another text stays in sight until the answer
    '',
    `${text}\n${fields.join('\n')}\n${round}`
  );
  if (asked.kind === 'failed') {
    return <p className="mlx-Problem">{asked.message}</p>;
  }
  if (asked.kind === 'loading') {
    return <div aria-busy="true" />;
  }
  const columns = asked.value;
  const shown = inOrder(fields.length > 0 ? fields : Object.keys(columns.columns));
  if (shown.length < 2 || columns.ids.length < 2) {
    // of runs that are compared, the table says it all
    return ids ? (
      <></>
    ) : (
      <p className="mlx-Section-aside">
        {trans.__('Two runs with two params or metrics are needed to draw them.')}
      </p>
    );
  }
  const shade =
    shaded === null || (shaded !== '' && !shown.includes(shaded))
      ? (shown.find(name => name.startsWith('metrics.')) ?? '')
      : shaded;
  const toggle = (name: string) => {
    const next = shown.includes(name)
      ? shown.filter(other => other !== name)
      : [...shown, name].slice(-MOST_AXES);
    if (next.length >= 2) {
      setFields(next);
    }
  };
  return (
    <>
      <Section
        title={trans.__('Runs across columns')}
        aside={trans.__('%1 runs', columns.ids.length)}
      >
        <div className="mlx-Controls">
          <label>
            {trans.__('Colour')}
            <select value={shade} onChange={event => setShaded(event.target.value)}>
              <option value="">{trans.__('one for all')}</option>
              {shown.map(name => (
                <option key={name} value={name}>
                  {shortName(name)}
                </option>
              ))}
            </select>
          </label>
          {shade && <Scale column={columns.columns[shade] ?? []} name={shade} />}
        </div>
        <details className="mlx-Slice">
          <summary>{trans.__('Columns')}</summary>
          <div className="mlx-Controls" role="group" aria-label={trans.__('Columns')}>
            {columns.known.slice(0, 60).map(name => (
              <label key={name}>
                <input
                  type="checkbox"
                  checked={shown.includes(name)}
                  onChange={() => toggle(name)}
                />
                {shortName(name)}
              </label>
            ))}
          </div>
        </details>
        <Parallel
          columns={columns}
          fields={shown}
          shade={shade}
          speech={speech}
          onOpen={onOpen}
        />
      </Section>
      <ScatterSection
        columns={columns}
        fields={shown}
        shade={shade}
        speech={speech}
        onOpen={onOpen}
      />
    </>
  );
}

/** Which values the colours stand for. */
function Scale(props: { column: readonly unknown[]; name: string }): JSX.Element {
  const { marks } = axisOf(props.name, props.column);
  const stops = Array.from({ length: 7 }, (_, at) => shadeOf(at / 6));
  return (
    <span className="mlx-Scale">
      {marks[0]?.text}
      <i
        className="mlx-Scale-bar"
        style={{ background: `linear-gradient(to right, ${stops.join(', ')})` }}
      />
      {marks.at(-1)?.text}
    </span>
  );
}

/** What was given on the left, what came out on the right. */
function inOrder(names: readonly string[]): readonly string[] {
  const isResult = (name: string) => !name.startsWith('params.');
  return [...names].sort((a, b) => Number(isResult(a)) - Number(isResult(b)));
}

function ScatterSection(props: {
  columns: IColumns;
  fields: readonly string[];
  shade: string;
  speech: ISpeech;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { columns, fields, shade, speech, onOpen } = props;
  const { trans } = speech;
  const firstOf = (kind: string) => fields.find(field => field.startsWith(kind));
  const [x, setX] = React.useState<string | null>(null);
  const [y, setY] = React.useState<string | null>(null);
  const across = x && fields.includes(x) ? x : (firstOf('params.') ?? fields[0] ?? '');
  const up = y && fields.includes(y) ? y : (firstOf('metrics.') ?? fields[1] ?? '');
  const choice = (label: string, value: string, set: (name: string) => void) => (
    <label>
      {label}
      <select value={value} onChange={event => set(event.target.value)}>
        {fields.map(name => (
          <option key={name} value={name}>
            {shortName(name)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Section title={trans.__('One against another')}>
      <div className="mlx-Controls">
        {choice(trans.__('Up'), up, setY)}
        {choice(trans.__('Across'), across, setX)}
      </div>
      <Scatter
        columns={columns}
        x={across}
        y={up}
        shade={shade}
        speech={speech}
        onOpen={onOpen}
      />
    </Section>
  );
}
