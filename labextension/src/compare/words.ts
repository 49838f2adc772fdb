/**
 * The kinds of facts that runs are compared by, in the reader's language: no DOM.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

/** A kind of fact, which the server names in English; one that is not known as it is. */
export function kindText(kind: string, trans: TranslationBundle): string {
  const known: Readonly<Record<string, string>> = {
    code: trans.__('code'),
    param: trans.__('param'),
    input: trans.__('input'),
    seed: trans.__('seed'),
    package: trans.__('package'),
    machine: trans.__('machine'),
    git: trans.__('git'),
    status: trans.__('status'),
    metric: trans.__('metric'),
    output: trans.__('output'),
    figure: trans.__('figure'),
    text: trans.__('text')
  };
  return known[kind] ?? kind;
}

/** So many facts of a kind that is counted. */
export function countText(kind: string, count: number, trans: TranslationBundle): string {
  switch (kind) {
    case 'param':
      return trans._n('%1 param', '%1 params', count);
    case 'input':
      return trans._n('%1 input', '%1 inputs', count);
    case 'package':
      return trans._n('%1 package', '%1 packages', count);
    case 'metric':
      return trans._n('%1 metric', '%1 metrics', count);
    case 'output':
      return trans._n('%1 output', '%1 outputs', count);
    default:
      return `${count} × ${kindText(kind, trans)}`;
  }
}
