import * as React from 'react';

import { ICurveView, PLAIN, stepsBetween } from '../../curves';
import { quantity } from '../../format';
import { ISpeech } from '../../locale';
import { PageApi } from '../../run/api';
import { XY } from '../../scale';
import { IRunDetail, Point } from '../../wire';
import { Chart } from './Chart';
import { CurveControls } from './CurveControls';
import { Section } from './Section';

const MOST_CHARTS = 60;

/** All metrics of a run that have steps. */
export function Curves(props: {
  run: IRunDetail;
  page: PageApi;
  speech: ISpeech;
}): JSX.Element | null {
  const { run, page, speech } = props;
  const { trans } = speech;
  const [view, setView] = React.useState<ICurveView>(PLAIN);
  const curves = Object.entries(run.series).filter(([, points]) => points.length > 1);
  if (curves.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Curves')}>
      <CurveControls view={view} trans={trans} onChange={setView} />
      <div className="mlx-Charts">
        {curves.slice(0, MOST_CHARTS).map(([name, points]) => (
          <Curve
            key={name}
            name={name}
            points={points}
            count={run.points?.[name] ?? points.length}
            ask={steps => page.series(run.id, name, steps)}
            view={view}
            speech={speech}
          />
        ))}
      </div>
      {curves.length > MOST_CHARTS && (
        <p className="mlx-Doubt">
          {trans.__('%1 more metrics have steps.', curves.length - MOST_CHARTS)}
        </p>
      )}
    </Section>
  );
}

/** One metric; of a part that is looked at closely all points are fetched. */
function Curve(props: {
  name: string;
  points: readonly Point[];
  count: number;
  ask: (steps: XY) => Promise<{ points: readonly Point[] }>;
  view: ICurveView;
  speech: ISpeech;
}): JSX.Element {
  const { name, points, count, ask, view, speech } = props;
  const [close, setClose] = React.useState<readonly Point[] | null>(null);
  const lines = React.useMemo(
    () => [{ id: name, label: name, points: close ?? points }],
    [name, close, points]
  );
  const onZoom = (range: XY | null) => {
    const steps = range && stepsBetween(points, view, range);
    if (!steps) {
      setClose(null);
    } else if (count > points.length) {
      // a failure leaves the thinned curve, which is true as far as it goes
      void ask(steps).then(
        found => setClose(found.points),
        () => setClose(null)
      );
    }
  };
  return <Chart name={name} lines={lines} view={view} speech={speech} onZoom={onZoom} />;
}

/** What the run used while it ran. */
export function Resources(props: {
  resources: Readonly<Record<string, unknown>>;
  speech: ISpeech;
}): JSX.Element | null {
  const { resources, speech } = props;
  const lines = React.useMemo(() => resourceLines(resources.series), [resources]);
  if (lines.length === 0) {
    return null;
  }
  return (
    <Section title={speech.trans.__('Resources')}>
      <div className="mlx-Charts">
        {lines.map(({ name, points, isBytes }) => (
          <Chart
            key={name}
            name={name}
            lines={[{ id: name, label: name, points }]}
            view={{ ...PLAIN, x: 'time' }}
            speech={speech}
            format={isBytes ? shortBytes : quantity}
          />
        ))}
      </div>
    </Section>
  );
}

interface IResource {
  readonly name: string;
  readonly points: readonly Point[];
  readonly isBytes: boolean;
}

function resourceLines(series: unknown): readonly IResource[] {
  const { t, ...rest } = (series ?? {}) as Record<string, unknown>;
  if (!Array.isArray(t)) {
    return [];
  }
  return Object.entries(rest)
    .filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
    .map(([name, values]) => ({
      name: name
        .replace(/_bytes$/, '')
        .replace(/_percent$/, ', %')
        .replaceAll('_', ' '),
      isBytes: name.endsWith('_bytes'),
      points: values.map((value, at): Point => [at, Number(value), Number(t[at])])
    }))
    .filter(({ points }) => points.length > 1);
}

function shortBytes(value: number): string {
  return value >= 1e9
    ? `${quantity(value / 1e9, 3)} GB`
    : `${quantity(value / 1e6, 3)} MB`;
}
