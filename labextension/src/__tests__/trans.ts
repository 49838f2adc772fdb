/** Texts as they stand in the code, for tests: JupyterLab's own translations need a browser. */
import type { TranslationBundle } from '@jupyterlab/translation';

const filled = (text: string, ...args: unknown[]) =>
  text.replace(/%(\d)/g, (_, i: string) => String(args[Number(i) - 1]));

export const trans = {
  __: filled,
  _n: (one: string, many: string, count: number, ...args: unknown[]) =>
    filled(count === 1 ? one : many, count, ...args)
} as Partial<TranslationBundle> as TranslationBundle;
