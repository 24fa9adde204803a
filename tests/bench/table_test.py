"""Of the benchmarks only what calculates and prints is tested: no timing decides a test."""

import unittest

import table


class Statistics(unittest.TestCase):
    def test_a_percentile_is_one_of_the_values(self):
        values = list(range(100, 0, -1))
        self.assertEqual(table.percentile(values, 50), 50)
        self.assertEqual(table.percentile(values, 99), 99)
        self.assertEqual(table.percentile(values, 100), 100)
        self.assertEqual(table.percentile([7], 99), 7)

    def test_the_ratio_of_pairs_is_not_that_of_the_medians(self):
        self.assertEqual(table.median_ratio([2, 6, 30], [1, 2, 10]), 3)

    def test_a_pair_that_lacks_one_is_refused(self):
        with self.assertRaises(ValueError):
            table.median_ratio([1, 2], [1])


class Units(unittest.TestCase):
    def test_times_have_three_digits(self):
        self.assertEqual(table.seconds(0.00345), "3.45 ms")
        self.assertEqual(table.seconds(0.1234), "123 ms")
        self.assertEqual(table.seconds(0.000_012_34), "12.3 µs")
        self.assertEqual(table.seconds(0.000_000_045_6), "45.6 ns")
        self.assertEqual(table.seconds(5.754), "5.75 s")
        self.assertEqual(table.seconds(67.44), "67.4 s")
        self.assertEqual(table.seconds(546), "9.10 min")

    def test_sizes_are_decimal(self):
        self.assertEqual(table.size(389_000_000), "389 MB")
        self.assertEqual(table.size(1390), "1.39 KB")
        self.assertEqual(table.size(0), "0.00 B")

    def test_what_was_not_measured_is_a_dash_and_no_zero(self):
        self.assertEqual(table.seconds(None), "–")
        self.assertEqual(table.size(None), "–")
        self.assertEqual(table.cells(table.Result("x"))[1:10], ["–"] * 9)


class Rows(unittest.TestCase):
    def test_the_ratio_is_ours_by_the_floor(self):
        self.assertEqual(table.Result("x", floor=5.0, ours=5.75).quotient(), 1.15)

    def test_a_ratio_of_pairs_goes_before_that_of_the_two_figures(self):
        self.assertEqual(table.Result("x", floor=5.0, ours=5.75, ratio=1.1).quotient(), 1.1)

    def test_without_a_floor_there_is_no_ratio(self):
        self.assertIsNone(table.Result("x", ours=5.75).quotient())
        self.assertIsNone(table.Result("x", floor=0.0, ours=5.75).quotient())

    def test_what_is_written_is_said_by_the_person_too(self):
        result = table.Result("x", written=139_000_000, people=100_000)
        self.assertIn("139 MB (1.39 KB each)", table.row(result))

    def test_each_line_has_the_columns_of_the_header(self):
        first, second = table.header().split("\n")
        bars = second.count("|")
        self.assertEqual(first.count("|"), bars)
        self.assertEqual(table.row(table.Result("x")).count("|"), bars)
        self.assertEqual(table.row(table.Result("x", remark="a|b")).replace("\\|", "").count("|"), bars)


if __name__ == "__main__":
    unittest.main()
