import * as React from 'react';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';

/** Source code as the editor colours it; plain where there is no editor. */
export function Code(props: {
  source: string;
  label: string;
  languages: IEditorLanguageRegistry | null;
}): JSX.Element {
  const { source, label, languages } = props;
  const box = React.useRef<HTMLPreElement>(null);
  React.useLayoutEffect(() => {
    const node = box.current;
    if (!node) {
      return;
    }
    const coloured = document.createElement('code');
    const plain = document.createElement('code');
    plain.textContent = source;
    node.replaceChildren(plain);
    const python = languages?.findByMIME('text/x-ipython') ?? null;
    if (languages && python) {
      // spans are appended one by one: shown when all are there
      void languages
        .highlight(source, python, coloured)
        .then(() => plain.isConnected && plain.replaceWith(coloured));
    }
  }, [source, languages]);
  return <pre ref={box} className="mlx-Code" tabIndex={0} aria-label={label} />;
}
