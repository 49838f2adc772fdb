import * as React from 'react';

import { ISpeech } from '../locale';
import { RunsModel } from './model';

/** The line in which the tags or the note of a run are written, over its row. */
export function InPlace(props: {
  model: RunsModel;
  top: number;
  speech: ISpeech;
  onProblem: (work: Promise<unknown>) => void;
  onDone: () => void;
}): JSX.Element | null {
  const { model, onProblem, onDone } = props;
  const { trans } = props.speech;
  const { editing } = model;
  const run = editing && model.find(editing.id);
  const [text, setText] = React.useState(
    editing?.what === 'note' ? (run?.note ?? '') : (run?.tags ?? []).join(', ')
  );
  if (!editing || !run) {
    return null;
  }
  const tags = editing.what === 'tags';
  const save = () => {
    model.edit(null);
    if (tags) {
      const wanted = [...new Set(text.split(',').map(tag => tag.trim()))].filter(Boolean);
      const drop_tags = run.tags.filter(tag => !wanted.includes(tag));
      onProblem(model.act([run.id], { add_tags: wanted, drop_tags }));
    } else {
      onProblem(model.act([run.id], { note: text.trim() }));
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === 'Enter') {
      event.preventDefault();
      save();
      onDone();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      model.edit(null);
      onDone();
    }
  };
  const label = tags
    ? trans.__('Tags of %1, with commas between them', run.name)
    : trans.__('Note on %1', run.name);
  return (
    <div className="mlx-InPlace" role="row" style={{ top: props.top }}>
      <div role="gridcell">
        <input
          autoFocus
          className="mlx-InPlace-input"
          aria-label={label}
          placeholder={tags ? trans.__('best, baseline') : trans.__('A note')}
          list={tags ? 'mlx-known-tags' : undefined}
          value={text}
          onChange={event => setText(event.target.value)}
          onKeyDown={onKeyDown}
          // what was written is kept; Escape is what drops it
          onBlur={() => model.editing && save()}
        />
      </div>
      {tags && (
        <datalist id="mlx-known-tags">
          {model.names.tags.map(tag => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
      )}
    </div>
  );
}
