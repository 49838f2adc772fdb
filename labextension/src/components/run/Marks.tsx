import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { IEdit, IRun } from '../../wire';

/** What people write on a run: tags and a note, changed in place. */
export function Marks(props: {
  run: IRun;
  trans: TranslationBundle;
  onEdit: (edit: IEdit) => void;
}): JSX.Element {
  const { run, trans, onEdit } = props;
  const [text, setText] = React.useState('');
  const add = () => {
    const tag = text.trim();
    if (tag && !run.tags.includes(tag)) {
      onEdit({ tags: [...run.tags, tag] });
    }
    setText('');
  };
  return (
    <>
      <ul className="mlx-Header-tags" aria-label={trans.__('Tags')}>
        {run.tags.map(tag => (
          <li key={tag} className="mlx-Tag mlx-mod-removable">
            <span>{tag}</span>
            <button
              type="button"
              aria-label={trans.__('Remove the tag %1', tag)}
              onClick={() => onEdit({ tags: run.tags.filter(other => other !== tag) })}
            >
              ×
            </button>
          </li>
        ))}
        <li>
          <input
            className="mlx-Tag-input"
            value={text}
            placeholder={trans.__('+ tag')}
            aria-label={trans.__('Add a tag')}
            onChange={event => setText(event.target.value)}
            onBlur={add}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                add();
              } else if (event.key === 'Escape') {
                setText('');
              }
            }}
          />
        </li>
      </ul>
      <Note note={run.note} trans={trans} onEdit={onEdit} />
    </>
  );
}

function Note(props: {
  note: string;
  trans: TranslationBundle;
  onEdit: (edit: IEdit) => void;
}): JSX.Element {
  const { note, trans, onEdit } = props;
  const [draft, setDraft] = React.useState<string | null>(null);
  const keep = () => {
    if (draft !== null && draft.trim() !== note) {
      onEdit({ note: draft.trim() });
    }
    setDraft(null);
  };
  if (draft === null) {
    return note ? (
      <button
        type="button"
        className="mlx-Header-note mlx-Link mlx-mod-text"
        title={trans.__('Change the note')}
        onClick={() => setDraft(note)}
      >
        {note}
      </button>
    ) : (
      <button
        type="button"
        className="mlx-Link mlx-mod-quiet"
        onClick={() => setDraft('')}
      >
        {trans.__('Add a note')}
      </button>
    );
  }
  return (
    <textarea
      className="mlx-Header-draft"
      autoFocus
      rows={Math.max(2, draft.split('\n').length)}
      value={draft}
      aria-label={trans.__('Note')}
      onChange={event => setDraft(event.target.value)}
      onBlur={keep}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          setDraft(null);
        } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          keep();
        }
      }}
    />
  );
}
