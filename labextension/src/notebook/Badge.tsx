/**
 * The last run below a cell, and the earlier ones to page through.
 */
import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ReactWidget } from '@jupyterlab/ui-components';

import { useNow } from '../components/hooks';
import { StatusIcon, statusText } from '../components/StatusIcon';
import { ago, basename, duration, moment, quantity } from '../format';
import { ISpeech } from '../locale';
import { ICellRun, ICellRuns } from './api';
import { IBadge } from './badges';
import { isChanged, metricsOf } from './change';
import { History } from './History';
import { ICell } from './lab';

const METRICS = 4;

/** What badges are drawn with. */
export interface IBadgeHost {
  readonly speech: ISpeech;
  readonly rendermime: IRenderMimeRegistry;
  readonly languages: IEditorLanguageRegistry | null;
  openRun(id: string): void;
  history(): Promise<readonly ICellRun[]>;
  outputs(run: string): Promise<readonly object[]>;
}

/** One badge, the last part of its cell. */
export class CellBadge extends ReactWidget implements IBadge {
  constructor(
    private readonly cell: ICell,
    private readonly host: IBadgeHost
  ) {
    super();
    this.addClass('mlx-Badge');
    // Enter and Space are for our buttons, not for the notebook's own keys
    this.node.setAttribute('data-lm-suppress-shortcuts', 'true');
    cell.model.contentChanged.connect(this.onContent);
    // a cell that is far from the view has no parts yet
    void cell.ready.then(() => {
      if (!this.isDisposed && !cell.isDisposed) {
        cell.layout?.addWidget(this);
      }
    });
  }

  showRuns(runs: ICellRuns): void {
    this.runs = runs;
    this.onContent();
    this.update();
  }

  showData(changed: readonly string[]): void {
    if (changed.join('\0') !== this.changedData.join('\0')) {
      this.changedData = changed;
      this.update();
    }
  }

  dispose(): void {
    this.cell.model?.contentChanged.disconnect(this.onContent);
    super.dispose();
  }

  render(): JSX.Element | null {
    return this.runs === null ? null : (
      <BadgeView
        runs={this.runs}
        source={() => this.cell.model.sharedModel.getSource()}
        codeChanged={this.codeChanged}
        changedData={this.changedData}
        host={this.host}
      />
    );
  }

  private runs: ICellRuns | null = null;
  private codeChanged = false;
  private changedData: readonly string[] = [];

  /** Drawn again only where what it says of the code is another thing: people type here. */
  private readonly onContent = (): void => {
    const source = this.cell.model?.sharedModel.getSource() ?? '';
    const changed = this.runs !== null && isChanged(source, this.runs.run.source);
    if (changed !== this.codeChanged) {
      this.codeChanged = changed;
      this.update();
    }
  };
}

function BadgeView(props: {
  runs: ICellRuns;
  source: () => string;
  codeChanged: boolean;
  changedData: readonly string[];
  host: IBadgeHost;
}): JSX.Element {
  const { runs, codeChanged, changedData, host } = props;
  const { run, count } = runs;
  const { trans, locale } = host.speech;
  const [open, setOpen] = React.useState(false);
  const isRunning = run.status === 'running';
  const now = useNow(isRunning ? 1000 : 20_000);
  const seconds =
    run.duration_s ??
    (isRunning ? Math.max(0, (now - Date.parse(run.started_at)) / 1000) : null);
  const historyText = open
    ? trans.__('Hide earlier runs')
    : trans._n('%1 run', '%1 runs', count);
  return (
    <>
      <div className="mlx-Badge-line">
        <button
          type="button"
          className="mlx-Badge-run"
          title={[run.name, moment(run.started_at, locale), run.note]
            .filter(Boolean)
            .join('\n')}
          aria-label={trans.__(
            'Open run %1, %2',
            run.name,
            statusText(run.status, trans)
          )}
          onClick={() => host.openRun(run.id)}
        >
          <StatusIcon status={run.status} trans={trans} />
          <span className="mlx-Badge-name">{run.name}</span>
        </button>
        <time className="mlx-Badge-fact" dateTime={run.started_at}>
          {ago(run.started_at, now, locale)}
        </time>
        {seconds !== null && (
          <span className="mlx-Badge-fact mlx-Badge-duration">{duration(seconds)}</span>
        )}
        <Metrics runs={runs} />
        <span className="mlx-Badge-flags">
          {codeChanged && (
            <span
              className="mlx-Badge-flag"
              title={trans.__('The cell is no longer the code that this run executed')}
            >
              {trans.__('code changed since')}
            </span>
          )}
          {changedData.length > 0 && (
            <span className="mlx-Badge-flag" title={changedData.join('\n')}>
              {changedData.length === 1
                ? trans.__('%1 changed since', basename(changedData[0] ?? ''))
                : trans.__('data changed since (%1)', changedData.length)}
            </span>
          )}
        </span>
        <button
          type="button"
          className="mlx-Badge-more"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {historyText}
        </button>
      </div>
      {open && <History last={run} source={props.source} host={host} />}
    </>
  );
}

/** The first metrics, each with its difference from the run before. */
function Metrics({ runs }: { runs: ICellRuns }): JSX.Element {
  const metrics = metricsOf(runs);
  const over = metrics.length - METRICS;
  return (
    <span className="mlx-Badge-metrics">
      {metrics.slice(0, METRICS).map(({ name, value, difference }) => (
        <span key={name} className="mlx-Badge-metric" title={name}>
          <span className="mlx-Row-key">{name}</span> {quantity(value)}
          {difference !== null && difference !== 0 && (
            <span
              className={`mlx-Badge-difference mlx-mod-${difference > 0 ? 'more' : 'less'}`}
            >
              {difference > 0 ? '+' : ''}
              {quantity(difference, 3)}
            </span>
          )}
        </span>
      ))}
      {over > 0 && <span className="mlx-Badge-fact">+{over}</span>}
    </span>
  );
}
