const number = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 3 });

/** The number alone, as in “1,234.5”. */
export const formatCreditAmount = (credits: number) => number.format(credits);

export function formatCredits(credits: number): string {
  const figure = formatCreditAmount(credits);
  return `${figure} ${figure === '1' ? 'credit' : 'credits'}`;
}
