/**
 * CodeMirror's merge view, loaded when code is first compared.
 */
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { syntaxHighlighting } from '@codemirror/language';
import { EditorState, Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import {
  IEditorLanguageRegistry,
  jupyterHighlightStyle,
  jupyterTheme
} from '@jupyterlab/codemirror';

const COLLAPSE = { margin: 3, minSize: 6 };

/** Show two texts in `host`, side by side or one below the other; returns what ends it. */
export async function showMerge(
  host: HTMLElement,
  texts: readonly [string, string],
  names: readonly [string, string],
  isWide: boolean,
  languages: IEditorLanguageRegistry | null,
  phrases: Readonly<Record<string, string>>
): Promise<() => void> {
  const python = await languages?.getLanguage('python');
  const extensions = (name: string): Extension[] => [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ 'aria-label': name, tabindex: '0' }),
    EditorState.phrases.of(phrases),
    lineNumbers(),
    jupyterTheme,
    syntaxHighlighting(jupyterHighlightStyle),
    ...(python?.support ? [python.support] : [])
  ];
  if (isWide) {
    const view = new MergeView({
      a: { doc: texts[0], extensions: extensions(names[0]) },
      b: { doc: texts[1], extensions: extensions(names[1]) },
      parent: host,
      collapseUnchanged: COLLAPSE
    });
    return () => view.destroy();
  }
  const view = new EditorView({
    doc: texts[1],
    extensions: [
      ...extensions(names[1]),
      unifiedMergeView({
        original: texts[0],
        mergeControls: false,
        collapseUnchanged: COLLAPSE
      })
    ],
    parent: host
  });
  return () => view.destroy();
}
