/**
 * The lineage of a run as a drawing: what it read on its left, what it wrote on its right.
 */
import { ILineage, IOrigin } from './wire';

/** A run, or a file at one version. */
export interface INode {
  readonly key: string;
  readonly kind: 'run' | 'file' | 'more';
  /** The id of a run, the path of a file. */
  readonly ref: string;
  readonly label: string;
  readonly column: number;
  readonly row: number;
}

export interface IGraph {
  readonly nodes: readonly INode[];
  /** Pairs of keys, in the direction in which data went. */
  readonly edges: readonly (readonly [string, string])[];
  readonly columns: number;
  readonly rows: number;
}

/** So many stand under each other. */
export const MOST_ROWS = 12;
/** So many steps of the way back are drawn; a click on a run goes on from there. */
const MOST_DEPTH = 3;

/** The graph around a run of this name. */
export function graphOf(lineage: ILineage, name: string): IGraph {
  const graph = new Drawing();
  const centre = graph.add('run', lineage.id, name, 0);
  graph.back(lineage.origins, centre, 0, 1);
  for (const file of lineage.readers) {
    const made = graph.add('file', file.path, file.path, 1, file.digest);
    graph.join(centre, made);
    for (const run of file.runs) {
      graph.join(made, graph.add('run', run.id, run.name, 2));
    }
  }
  return graph.done();
}

class Drawing {
  /** Add a node, unless it is there; its key, or null where the column is full. */
  add(
    kind: 'run' | 'file',
    ref: string,
    label: string,
    column: number,
    digest = ''
  ): string | null {
    const key = `${kind}:${ref}:${digest}`;
    if (!this.nodes.has(key)) {
      const row = this.counts.get(column) ?? 0;
      this.counts.set(column, row + 1);
      if (row >= MOST_ROWS) {
        return null;
      }
      this.nodes.set(key, { key, kind, ref, label, column, row });
    }
    return key;
  }

  join(from: string | null, to: string | null): void {
    if (from !== null && to !== null) {
      this.edges.set(`${from} ${to}`, [from, to]);
    }
  }

  /** Add where files came from, as far back as is drawn. */
  back(
    origins: readonly IOrigin[],
    reader: string | null,
    column: number,
    depth: number
  ): void {
    for (const origin of origins) {
      const file = this.add('file', origin.path, origin.path, column - 1, origin.digest);
      this.join(file, reader);
      for (const maker of origin.runs) {
        const run = this.add('run', maker.id, maker.name, column - 2);
        this.join(run, file);
        if (depth < MOST_DEPTH && !maker.repeated) {
          this.back(maker.inputs, run, column - 2, depth + 1);
        }
      }
    }
  }

  done(): IGraph {
    const first = Math.min(...[...this.nodes.values()].map(node => node.column));
    const nodes: INode[] = [...this.nodes.values()].map(node => ({
      ...node,
      column: node.column - first
    }));
    for (const [column, count] of this.counts) {
      if (count > MOST_ROWS) {
        nodes.push({
          key: `more:${column}`,
          kind: 'more',
          ref: '',
          label: String(count - MOST_ROWS),
          column: column - first,
          row: MOST_ROWS
        });
      }
    }
    return {
      nodes,
      edges: [...this.edges.values()],
      columns: Math.max(...nodes.map(node => node.column)) + 1,
      rows: Math.max(...nodes.map(node => node.row)) + 1
    };
  }

  private readonly nodes = new Map<string, INode>();
  private readonly edges = new Map<string, readonly [string, string]>();
  /** How many there are in a column, those that are not drawn too. */
  private readonly counts = new Map<number, number>();
}
