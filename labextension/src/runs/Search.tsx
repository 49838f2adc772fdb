import * as React from 'react';

import { ISpeech } from '../locale';
import { completion, IOption } from './completion';
import { RunsModel } from './model';

const TYPING_MS = 250;

/** The search box: names complete as they are typed, and what cannot be read is underlined. */
export function Search(props: { model: RunsModel; speech: ISpeech }): JSX.Element {
  const { model } = props;
  const { trans } = props.speech;
  const problem = model.state.kind === 'ready' ? model.state.queryProblem : null;
  const input = React.useRef<HTMLInputElement>(null);
  const [text, setText] = React.useState(model.query);
  // where it is being written; null while nothing is to be offered
  const [caret, setCaret] = React.useState<number | null>(null);
  const offer = caret === null ? null : completion(text, caret, model.names);
  const [at, setAt] = React.useState(-1);
  const [scroll, setScroll] = React.useState(0);
  React.useEffect(() => {
    const timer = setTimeout(() => void model.search(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [model, text]);

  const type = (text: string, caret: number) => {
    setText(text);
    setCaret(caret);
    setAt(-1);
  };
  const take = (option: IOption) => {
    if (offer && input.current) {
      const done = `${text.slice(0, offer.from)}${option.text} `;
      setText(done + text.slice(offer.to).trimStart());
      setCaret(null);
      input.current.focus();
      requestAnimationFrame(() =>
        input.current?.setSelectionRange(done.length, done.length)
      );
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const options = offer?.options ?? [];
    const chosen = options[at];
    if (event.key === 'ArrowDown' && options.length > 0) {
      setAt((at + 1) % options.length);
    } else if (event.key === 'ArrowUp' && options.length > 0) {
      setAt(((at + options.length) % (options.length + 1)) - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && chosen) {
      take(chosen);
    } else if (event.key === 'Enter') {
      setCaret(null);
      void model.search(text);
    } else if (event.key === 'Escape' && offer) {
      setCaret(null);
    } else if (event.key === 'Escape' && text) {
      setText('');
    } else {
      return;
    }
    event.preventDefault();
  };
  // the place is one of the query that was sent: the text without the spaces around it, unless it is plain words
  const sent = model.asked === text.trim();
  const from =
    problem !== null && problem.at !== null && sent
      ? problem.at + text.length - text.trimStart().length
      : null;
  return (
    <div className="mlx-Search">
      <div className="mlx-Search-box">
        {from !== null && (
          <div className="mlx-Search-under" aria-hidden="true">
            <span style={{ marginLeft: -scroll }}>{text.slice(0, from)}</span>
            <span className="mlx-Search-fault">{text.slice(from) || '  '}</span>
          </div>
        )}
        <input
          ref={input}
          type="search"
          role="combobox"
          className="mlx-Search-input"
          placeholder={trans.__('Search: a name, or acc > 0.9')}
          aria-label={trans.__('Search runs')}
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? undefined : 'mlx-search-problem'}
          aria-autocomplete="list"
          aria-expanded={offer !== null}
          aria-controls="mlx-search-options"
          aria-activedescendant={offer && at >= 0 ? `mlx-option-${at}` : undefined}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={event => type(event.target.value, event.target.selectionStart ?? 0)}
          onScroll={event => setScroll(event.currentTarget.scrollLeft)}
          onKeyDown={onKeyDown}
          onBlur={() => setCaret(null)}
        />
      </div>
      <ul
        id="mlx-search-options"
        className="mlx-Search-options"
        role="listbox"
        aria-label={trans.__('Completions')}
        hidden={offer === null}
      >
        {offer?.options.map((option, i) => (
          <li
            key={option.text}
            id={`mlx-option-${i}`}
            role="option"
            aria-selected={i === at}
            // before the box loses the focus
            onMouseDown={event => {
              event.preventDefault();
              take(option);
            }}
          >
            {option.text} <span className="mlx-Unit">{option.what}</span>
          </li>
        ))}
      </ul>
      {problem !== null && (
        <div id="mlx-search-problem" className="mlx-Search-problem" role="alert">
          {problem.message}
        </div>
      )}
    </div>
  );
}
