// Plausible names for accounts made in bulk: a first name, a last name, digits.

const FIRST =
  'Ada Alan Amara Anders Anika Aria Arun Asta Aya Basil Bea Bo Bruno Carla Cleo Cyrus Dana Dario Daya Edda Eli Elin Emil Enzo Esra Eva Farid Faye Femi Finn Freya Gita Gus Hana Hugo Ida Igor Ines Iris Isak Ivo Jada Jin Jonas Juno Kai Kaya Kira Kofi Lars Lea Leo Lila Lin Luca Mae Malik Mara Mei Milo Mina Nadia Nia Nils Noor Ola Omar Otis Pia Priya Rafa Rana Remy Rhea Rosa Rune Sami Sana Saul Selma Sven Tara Theo Tilda Uma Vera Viggo Wanda Wes Xenia Yara Yuki Yusuf Zara Zoe'.split(
    ' ',
  );
const LAST =
  'Abel Adler Ahmed Ames Archer Baker Barros Becker Bell Berg Blum Bond Brandt Braun Brook Burke Cain Castro Chan Clark Cole Cruz Dahl Dale Diaz Drake Dunn Eide Ek Ellis Engel Falk Farr Fisk Flores Ford Frost Gale Garcia Grant Gray Haas Hale Hall Hart Holm Hoshi Hunt Imai Ito Jain Joshi Kaur Keller Khan Kim Klein Kumar Lane Lang Lee Lind Lopez Lund Marsh Mehta Meyer Mori Moss Nash Nguyen Nolan North Olsen Ono Ortiz Park Patel Penn Perez Quist Rao Reed Reyes Rossi Roy Sand Sato Shah Silva Stone Strand Tanaka Toll Vance Vega Wolf Wood Yang Young Zhou'.split(
    ' ',
  );
/** With 95 x 100 pairs this makes tens of millions of names, so that thousands rarely meet. */
const NUMBERS = 10_000;

export interface PlausibleName {
  readonly username: string;
  readonly global_name: string;
}

/** `random` gives whole numbers from 0 below its argument. */
export function plausibleName(random: (below: number) => number): PlausibleName {
  const first = FIRST[random(FIRST.length)] ?? 'Ada';
  const last = LAST[random(LAST.length)] ?? 'Abel';
  const username = `${first}.${last}${random(NUMBERS)}`.toLowerCase();
  return { username, global_name: `${first} ${last}` };
}
