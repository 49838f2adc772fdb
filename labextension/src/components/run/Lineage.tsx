import * as React from 'react';

import { basename } from '../../format';
import { ISpeech } from '../../locale';
import { PageApi } from '../../run/api';
import { graphOf, IGraph, INode } from '../../run/graph';
import { IRunDetail } from '../../wire';
import { useAsked } from '../hooks';

const COLUMN = 190;
const ROW = 34;
const NODE = 158;
const HEIGHT = 26;

/** Which runs made what this one read, and which read what it wrote: a graph to walk along. */
export function Lineage(props: {
  run: IRunDetail;
  page: PageApi;
  speech: ISpeech;
  onOpenRun: (id: string) => void;
  onOpenFile: (path: string) => void;
}): JSX.Element {
  const { run, page, speech } = props;
  const { id, name } = run;
  const { trans } = speech;
  const asked = useAsked(
    () => page.lineage(id),
    id,
    // a run that goes on reads and writes more
    [...run.inputs, ...run.outputs].map(file => file.digest).join(' ')
  );
  const graph = React.useMemo(
    () => (asked.kind === 'ready' ? graphOf(asked.value, name) : null),
    [asked, name]
  );
  if (asked.kind === 'failed') {
    return <p className="mlx-Problem">{asked.message}</p>;
  }
  if (!graph) {
    return <div aria-busy="true" className="mlx-Lineage" />;
  }
  const open = (node: INode) =>
    node.kind === 'run' ? props.onOpenRun(node.ref) : props.onOpenFile(node.ref);
  const isHere = (node: INode) => node.kind === 'run' && node.ref === id;
  return (
    <div
      className="mlx-Lineage"
      role="group"
      aria-label={trans.__('Lineage')}
      tabIndex={0}
    >
      <div
        className="mlx-Lineage-all"
        style={{
          width: (graph.columns - 1) * COLUMN + NODE,
          height: (graph.rows - 1) * ROW + HEIGHT
        }}
        onKeyDown={event => walk(event, graph)}
      >
        <Edges graph={graph} />
        {graph.nodes.map(node =>
          node.kind === 'more' ? (
            <span key={node.key} className="mlx-Node mlx-mod-more" style={placeOf(node)}>
              {trans.__('and %1 more', node.label)}
            </span>
          ) : (
            <button
              key={node.key}
              type="button"
              data-key={node.key}
              className={`mlx-Node mlx-mod-${node.kind}`}
              style={placeOf(node)}
              title={node.label}
              aria-current={isHere(node)}
              aria-label={
                isHere(node)
                  ? trans.__('Run %1, this one', node.label)
                  : node.kind === 'run'
                    ? trans.__('Run %1, open it', node.label)
                    : trans.__('File %1, open it', node.label)
              }
              onClick={() => isHere(node) || open(node)}
            >
              {node.kind === 'file' ? basename(node.label) : node.label}
            </button>
          )
        )}
      </div>
    </div>
  );
}

function Edges({ graph }: { graph: IGraph }): JSX.Element {
  const places = new Map(graph.nodes.map(node => [node.key, node]));
  return (
    <svg className="mlx-Lineage-edges" aria-hidden="true">
      {graph.edges.map(([from, to]) => {
        const a = places.get(from);
        const b = places.get(to);
        if (!a || !b) {
          return null;
        }
        const [x1, y1] = [a.column * COLUMN + NODE, a.row * ROW + HEIGHT / 2];
        const [x2, y2] = [b.column * COLUMN, b.row * ROW + HEIGHT / 2];
        const middle = (x1 + x2) / 2;
        return (
          <path
            key={`${from} ${to}`}
            d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`}
          />
        );
      })}
    </svg>
  );
}

function placeOf(node: INode): React.CSSProperties {
  return {
    left: node.column * COLUMN,
    top: node.row * ROW,
    width: NODE,
    height: HEIGHT
  };
}

/** The arrow keys go to the next node in that direction. */
function walk(event: React.KeyboardEvent<HTMLElement>, graph: IGraph): void {
  const way = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1]
  }[event.key];
  const key = (event.target as HTMLElement).dataset.key;
  const here = graph.nodes.find(node => node.key === key);
  if (!way || !here) {
    return;
  }
  event.preventDefault();
  const [across = 0, down = 0] = way;
  const found = graph.nodes
    .filter(node => node.kind !== 'more')
    .filter(node =>
      across
        ? node.column === here.column + across
        : node.column === here.column && Math.sign(node.row - here.row) === down
    )
    .sort((a, b) => Math.abs(a.row - here.row) - Math.abs(b.row - here.row))[0];
  const button = [...event.currentTarget.querySelectorAll('button')].find(
    node => node.dataset.key === found?.key
  );
  button?.focus();
}
