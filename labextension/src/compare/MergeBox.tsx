import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';

import { useInView, useWidth } from '../components/hooks';

const WIDE_PX = 640;

/** Two texts in CodeMirror's merge view: side by side where there is room. */
export function Merge(props: {
  before: string;
  after: string;
  /** What each is called. */
  names: readonly [string, string];
  /** Of Python code; null for text. */
  languages: IEditorLanguageRegistry | null;
  /** Made when it comes into view: one of very many. */
  isLazy?: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { before, after, languages, trans } = props;
  const [nameOfA, nameOfB] = props.names;
  const box = React.useRef<HTMLDivElement>(null);
  const host = React.useRef<HTMLDivElement>(null);
  const isWide = useWidth(box) >= WIDE_PX;
  const isWanted = useInView(box) || !props.isLazy;
  // `$` is CodeMirror's place for the number
  const unchanged = trans.__('%1 unchanged lines', '$');
  React.useEffect(() => {
    const node = host.current;
    if (!node || !isWanted) {
      return;
    }
    let isCurrent = true;
    let end = () => {};
    void import('./merge').then(async ({ showMerge }) => {
      if (isCurrent) {
        end = await showMerge(
          node,
          [before, after],
          [nameOfA, nameOfB],
          isWide,
          languages,
          { '$ unchanged lines': unchanged }
        );
        if (!isCurrent) {
          end();
        }
      }
    });
    return () => {
      isCurrent = false;
      end();
      node.replaceChildren();
    };
  }, [before, after, nameOfA, nameOfB, unchanged, isWide, isWanted, languages]);
  return (
    <div ref={box}>
      <div ref={host} className="mlx-Merge" />
    </div>
  );
}
