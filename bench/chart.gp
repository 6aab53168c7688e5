# SPDX-License-Identifier: MIT OR Apache-2.0
# chart.gp DATA SVG TITLE PANELS: horizontal bars. DATA has a block for each panel: its
# title, then lines "name" value place kind, where kind 1 is ours. A panel whose largest
# bar would hide the others has a logarithmic scale.
data = ARG1; title = ARG3; panels = int(ARG4)
columns = 2; lines = (panels + columns - 1) / columns
height = 60 + 350 * lines + 0.0
set terminal svg size 1200, height dynamic noenhanced background "#ffffff" font "sans-serif,12"
set output ARG2
set multiplot layout lines, columns title title font ",18" margins 0.2, 0.97, 40 / height, 1 - 90 / height spacing 0.24, 75 / height
unset key
set yrange [*:*] reverse
set style fill solid noborder
set border 1
set grid xtics linecolor "#dddddd"
set tics nomirror scale 0
do for [panel = 0:panels - 1] {
    set ytics () ; unset logscale x
    stats data index panel every ::1 using 2 nooutput
    largest = STATS_max; smallest = STATS_min
    wide = largest > 12 * smallest
    if (wide) { set logscale x; set xrange [smallest / 2:largest * 3] } else { set xrange [0:largest * 1.15] }
    left = wide ? smallest / 2 : 0
    heading = system(sprintf("awk -v RS='\\n\\n\\n' 'NR == %d {split($0, line, \"\\n\"); gsub(/\"/, \"\", line[1]); print line[1]}' %s", panel + 1, data))
    set title heading font ",14"
    plot data index panel every ::1 using (($2 + left) / 2):3:(left):2:($3 - .38):($3 + .38):($4 > 0 ? 0x1f77b4 : 0xb0b0b0):yticlabels(1) with boxxyerror linecolor rgb variable, \
         data index panel every ::1 using 2:3:(sprintf(" %.1f", $2)) with labels left font ",11"
}
unset multiplot
