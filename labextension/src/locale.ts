/**
 * Words and number formats of the language that JupyterLab speaks.
 */
import { ITranslator, TranslationBundle } from '@jupyterlab/translation';

/** What a component needs to speak. */
export interface ISpeech {
  readonly trans: TranslationBundle;
  /** A BCP 47 tag for `Intl`. */
  readonly locale: string;
}

/** The speech of a translator. */
export function speechOf(translator: ITranslator): ISpeech {
  const code = (translator.languageCode || 'en').replace('_', '-');
  let locale = 'en';
  try {
    locale = Intl.getCanonicalLocales(code)[0] ?? 'en';
  } catch {
    // not a tag that Intl knows, as `default` of an untranslated Lab
  }
  return { trans: translator.load('jupyter_mlx'), locale };
}
