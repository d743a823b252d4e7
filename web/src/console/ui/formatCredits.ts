import { locale, messages } from '../messages';

const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });

/** The number without its unit, such as “1,234.5”. */
export const formatCreditAmount = (credits: number) => format.format(credits);

export const formatCredits = (credits: number) => messages.common.credits(formatCreditAmount(credits));
