/**
 * The newest sweeps, each with its points as a table, the best so far first.
 */
import * as React from 'react';

import { useAsked } from '../components/hooks';
import { StatusIcon } from '../components/StatusIcon';
import { ago, duration, moment, parameter, quantity } from '../format';
import { IRun, toNumber } from '../wire';
import type { IPipelineHost } from './PipelineView';
import { columnsOf, goalOf, IGoal, sortBy } from './sweeps';

export function Sweeps(props: {
  sweeps: readonly IRun[];
  host: IPipelineHost;
}): JSX.Element {
  const { sweeps, host } = props;
  const id = React.useId();
  return (
    <section className="mlx-Sweeps" aria-labelledby={id}>
      <h2 className="mlx-Section-title" id={id}>
        {host.speech.trans.__('Sweeps')}
      </h2>
      {sweeps.map((sweep, i) => (
        <Sweep key={sweep.id} sweep={sweep} host={host} startsOpen={i === 0} />
      ))}
    </section>
  );
}

function Sweep(props: {
  sweep: IRun;
  host: IPipelineHost;
  startsOpen: boolean;
}): JSX.Element {
  const { sweep, host } = props;
  const { trans, locale } = host.speech;
  const [open, setOpen] = React.useState(props.startsOpen);
  const axes = Object.entries(sweep.params)
    .map(([name, value]) => `${name} = ${parameter(value)}`)
    .join(', ');
  return (
    <details
      className="mlx-Details"
      open={open}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary className="mlx-Sweep-head">
        <StatusIcon status={sweep.status} trans={trans} />
        <span>{sweep.name}</span>
        <span className="mlx-Section-aside">{axes}</span>
        <time
          className="mlx-Section-aside"
          dateTime={sweep.started_at}
          title={moment(sweep.started_at, locale)}
        >
          {ago(sweep.started_at, Date.now(), locale)}
        </time>
      </summary>
      {open && <Points sweep={sweep} host={host} />}
    </details>
  );
}

function Points({ sweep, host }: { sweep: IRun; host: IPipelineHost }): JSX.Element {
  const { trans } = host.speech;
  const [chosen, setChosen] = React.useState<IGoal | null>(null);
  const known = goalOf(sweep, []);
  // the list of sweeps is fetched anew with each change: while this one goes on, so are its points
  const count = React.useRef(0);
  const last = React.useRef<IRun>();
  if (last.current !== sweep) {
    last.current = sweep;
    count.current += sweep.status === 'running' ? 1 : 0;
  }
  const wanted = chosen ?? known;
  const sort = sortBy(wanted);
  const asked = useAsked(
    () => host.api.points(sweep.id, sort),
    sweep.id,
    `${sweep.status} ${sort} ${count.current}`
  );
  if (asked.kind === 'failed') {
    return <p className="mlx-Problem">{asked.message}</p>;
  }
  if (asked.kind === 'loading') {
    return <div aria-busy="true" />;
  }
  const points = asked.value.runs;
  const goal = wanted ?? goalOf(sweep, points);
  const { params, metrics } = columnsOf(sweep, points, goal);
  const choose = (metric: string) =>
    setChosen({ metric, highest: goal?.metric === metric ? !goal.highest : true });
  const over = asked.value.total - points.length;
  return (
    <div className="mlx-Sweep-scroll" tabIndex={0} role="group" aria-label={sweep.name}>
      <table className="mlx-Sweep" aria-label={trans.__('Points of %1', sweep.name)}>
        <thead>
          <tr>
            {params.map(name => (
              <th key={`p${name}`} scope="col">
                {name}
              </th>
            ))}
            {metrics.map(name => (
              <Metric key={`m${name}`} name={name} goal={goal} onChoose={choose} />
            ))}
            <th scope="col">{trans.__('Time')}</th>
            <th scope="col">{trans.__('Run')}</th>
          </tr>
        </thead>
        <tbody>
          {points.map((point, i) => (
            <Point
              key={point.id}
              point={point}
              params={params}
              metrics={metrics}
              isBest={i === 0 && wanted !== null && wanted.metric in point.metrics}
              host={host}
            />
          ))}
        </tbody>
      </table>
      {over > 0 && (
        <p className="mlx-Data-fact">
          {trans.__('and %1 more; the Runs panel lists them all', over)}
        </p>
      )}
    </div>
  );
}

function Metric(props: {
  name: string;
  goal: IGoal | null;
  onChoose: (name: string) => void;
}): JSX.Element {
  const { name, goal } = props;
  const isGoal = goal?.metric === name;
  const order = goal?.highest ? 'descending' : 'ascending';
  return (
    <th scope="col" aria-sort={isGoal ? order : undefined}>
      <button
        type="button"
        className="mlx-Sweep-metric"
        onClick={() => props.onChoose(name)}
      >
        {name}
        {isGoal && <span aria-hidden="true">{goal.highest ? ' ↓' : ' ↑'}</span>}
      </button>
    </th>
  );
}

function Point(props: {
  point: IRun;
  params: readonly string[];
  metrics: readonly string[];
  isBest: boolean;
  host: IPipelineHost;
}): JSX.Element {
  const { point, params, metrics, isBest, host } = props;
  const { trans } = host.speech;
  return (
    <tr className={isBest ? 'mlx-mod-best' : undefined}>
      {params.map(name => (
        <td key={`p${name}`}>{name in point.params && parameter(point.params[name])}</td>
      ))}
      {metrics.map(name => {
        const value = point.metrics[name];
        return (
          <td key={`m${name}`}>{value !== undefined && quantity(toNumber(value))}</td>
        );
      })}
      <td>{point.duration_s !== null && duration(point.duration_s)}</td>
      <td>
        <button
          type="button"
          className="mlx-Sweep-run"
          onClick={() => host.openRun(point.id)}
        >
          <StatusIcon status={point.status} trans={trans} />
          {point.id.slice(0, 8)}
          {isBest && <b className="mlx-Sweep-best">{trans.__('best so far')}</b>}
        </button>
      </td>
    </tr>
  );
}
