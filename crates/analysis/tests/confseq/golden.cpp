// Prints the table in golden.txt: values of the boundaries of the Python package confseq (its C++ core,
// uniform_boundaries.h), which crates/analysis computes itself. generate.sh builds and runs it.
#include <cassert>
#include <cmath>
#include <cstdio>
#include <functional>
#include <stdexcept>

#include "uniform_boundaries.h"

int main() {
  const double levels[] = {0.05, 0.01, 0.005};
  const double times[] = {1, 25, 1000, 40000};
  for (double alpha : levels)
    for (double opt : {10.0, 1000.0})
      for (double v : times) {
        for (double s : {0.0, 0.5, 3.0, 40.0})
          std::printf("normal_log_mixture %.17g %.17g %.17g %.17g %.17g\n", s, v, opt, alpha,
                      confseq::normal_log_mixture(s, v, opt, alpha, false));
        std::printf("normal_mixture_bound %.17g %.17g %.17g %.17g\n", v, alpha, opt,
                    confseq::normal_mixture_bound(v, alpha, opt, alpha, false));
      }
  for (double alpha : levels)
    for (double p : {0.005, 0.1, 0.5, 0.95, 0.99})
      for (double n : {10.0, 300.0, 20000.0}) {
        const double v = p * (1 - p) * n, opt = p * (1 - p) * 1000;
        for (double share : {0.0, p / 2, p, p + (1 - p) / 3})
          std::printf("beta_binomial_log_mixture %.17g %.17g %.17g %.17g %.17g %.17g\n",
                      (share - p) * n, v, opt, p, alpha,
                      confseq::beta_binomial_log_mixture((share - p) * n, v, opt, p, 1 - p, alpha, false));
        std::printf("beta_binomial_mixture_bound %.17g %.17g %.17g %.17g %.17g\n", v, alpha, opt, p,
                    confseq::beta_binomial_mixture_bound(v, alpha, opt, p, 1 - p, alpha, false));
      }
  const int counts[][2] = {{0, 1},      {1, 1},       {0, 50},       {3, 50},      {5, 100},     {50, 100},
                           {100, 100},  {12, 1000},   {990, 1000},   {40, 20000},  {1, 20000},   {500, 50000}};
  for (double alpha : levels)
    for (double opt : {100.0, 1000.0})
      for (const auto &count : counts) {
        const auto interval = confseq::bernoulli_confidence_interval(count[0], count[1], alpha, opt, alpha);
        std::printf("bernoulli_confidence_interval %d %d %.17g %.17g %.17g %.17g\n", count[0], count[1], alpha,
                    opt, interval.first, interval.second);
      }
}
