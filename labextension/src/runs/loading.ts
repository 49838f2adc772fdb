/**
 * The code that loads a run into a notebook.
 */
import { IRunDetail } from '../wire';

/** The code that loads what a run wrote, or the run itself where it wrote nothing. */
export function loadingCode(
  id: string,
  detail: Pick<IRunDetail, 'outputs'> | null
): string {
  const begin = 'import jupyter_mlx as jm\n\n';
  const files = (detail?.outputs ?? []).filter(file => file.kind !== 'folder');
  if (files.length === 0) {
    return `${begin}jm.runs('id = "${id}"')`;
  }
  const lines = files
    .slice(0, 10)
    .map(
      file => `${variable(file.path)} = jm.load("${id}", ${JSON.stringify(file.path)})`
    );
  return begin + lines.join('\n');
}

/** A name for what a file holds. */
function variable(path: string): string {
  const stem = (path.split('/').pop() ?? '').replace(/\.[^.]*$/, '');
  const name = stem.replace(/\W+/g, '_').replace(/^(?=\d)/, '_');
  return name.replace(/^_+$/, '') || 'data';
}
