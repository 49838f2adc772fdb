/**
 * The graph of the stages: buttons in columns, lines between them.
 */
import * as React from 'react';

import { ISpeech } from '../locale';
import type { IStage } from './api';
import { ILayout, ILine, IPlaced, layoutOf, neighbour } from './layout';
import { StageIcon } from './StageIcon';
import { detailText, stateOf, stateText } from './words';

const COLUMN = 196;
const ROW = 58;
const WIDTH = 160;
const HEIGHT = 44;

export function Graph(props: {
  stages: readonly IStage[];
  selected: string | null;
  speech: ISpeech;
  onSelect: (name: string) => void;
}): JSX.Element {
  const { stages, selected, speech, onSelect } = props;
  // the drawing is another one only where the graph is
  const shape = JSON.stringify(stages.map(({ name, upstream }) => [name, upstream]));
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const layout = React.useMemo(() => layoutOf(stages), [shape]);
  const byName = new Map(stages.map(stage => [stage.name, stage]));
  const focused = byName.has(selected ?? '') ? selected : stages[0]?.name;
  return (
    <div className="mlx-Graph">
      <div
        className="mlx-Graph-all"
        role="group"
        aria-label={speech.trans.__('Stages')}
        style={{
          width: (layout.columns - 1) * COLUMN + WIDTH,
          height: (layout.rows - 1) * ROW + HEIGHT
        }}
        onKeyDown={event => walk(event, layout)}
      >
        <Lines lines={layout.lines} stages={byName} selected={selected} />
        {layout.stages.map(place => {
          const stage = byName.get(place.name);
          return (
            stage && (
              <Node
                key={place.name}
                stage={stage}
                place={place}
                speech={speech}
                isSelected={place.name === selected}
                isFocusable={place.name === focused}
                onSelect={onSelect}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

function Node(props: {
  stage: IStage;
  place: IPlaced;
  speech: ISpeech;
  isSelected: boolean;
  isFocusable: boolean;
  onSelect: (name: string) => void;
}): JSX.Element {
  const { stage, place, isSelected } = props;
  const { trans } = props.speech;
  const state = stateOf(stage);
  const detail = detailText(stage, trans);
  const { cell, cells } = stage.run?.progress ?? {};
  const done = state === 'running' && cell && cells ? (cell - 1) / cells : null;
  const word = stateText(state, trans);
  const told = [stage.name, detail.startsWith(word) ? '' : word, detail]
    .filter(Boolean)
    .join(', ');
  return (
    <button
      type="button"
      data-stage={stage.name}
      className={`mlx-Stage mlx-mod-${state}`}
      style={{
        left: place.column * COLUMN,
        top: place.row * ROW,
        width: WIDTH,
        height: HEIGHT
      }}
      title={`${stage.name}\n${detail}`}
      aria-label={told}
      aria-pressed={isSelected}
      tabIndex={props.isFocusable ? 0 : -1}
      onClick={() => props.onSelect(stage.name)}
      onFocus={() => !isSelected && props.onSelect(stage.name)}
    >
      <StageIcon state={state} trans={trans} />
      <span className="mlx-Stage-lines">
        <span className="mlx-Stage-name">{stage.name}</span>
        <span className="mlx-Stage-detail">{detail}</span>
      </span>
      {done !== null && (
        <span className="mlx-Stage-done" style={{ width: `${100 * done}%` }} />
      )}
    </button>
  );
}

function Lines(props: {
  lines: readonly ILine[];
  stages: ReadonlyMap<string, IStage>;
  selected: string | null;
}): JSX.Element {
  const { lines, stages, selected } = props;
  return (
    <svg className="mlx-Graph-lines" aria-hidden="true">
      {lines.map(line => {
        const isNear = line.from === selected || line.to === selected;
        const state = stages.get(line.from)?.action;
        return (
          <path
            key={JSON.stringify([line.from, line.to])}
            className={`mlx-mod-${state ?? ''}${isNear ? ' mlx-mod-near' : ''}`}
            d={pathOf(line)}
          />
        );
      })}
    </svg>
  );
}

/** Curves between the columns, straight through those that the line only passes. */
function pathOf({ by }: ILine): string {
  const y = (row: number) => row * ROW + HEIGHT / 2;
  const parts: string[] = [];
  by.forEach((point, i) => {
    const next = by[i + 1];
    if (!next) {
      return;
    }
    const [x1, y1] = [point.column * COLUMN + WIDTH, y(point.row)];
    const [x2, y2] = [next.column * COLUMN, y(next.row)];
    const middle = (x1 + x2) / 2;
    parts.push(i === 0 ? `M${x1} ${y1}` : `H${x1}`);
    parts.push(`C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
  });
  return parts.join('');
}

/** The arrow keys go to the nearest stage in that direction, Home and End to the first and last. */
function walk(event: React.KeyboardEvent<HTMLElement>, layout: ILayout): void {
  const name = (event.target as HTMLElement).dataset.stage;
  const here = layout.stages.find(place => place.name === name);
  const found = here && neighbour(event.key, here, layout.stages);
  if (!found) {
    return;
  }
  event.preventDefault();
  const buttons = event.currentTarget.querySelectorAll<HTMLElement>('button');
  [...buttons].find(button => button.dataset.stage === found.name)?.focus();
}
